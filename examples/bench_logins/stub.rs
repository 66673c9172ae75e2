//! An API server that confirms every token's own claims, at once or after a delay.

use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::AUDIENCE;
use crate::wire::Wire;

/// Prints its address and serves for ever.
pub(crate) async fn serve(delay: Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            // A connection that ends is none of the benchmark's business; a login that fails is, at the other end.
            let _ended = connection(stream, delay).await;
        });
    }
}

async fn connection(stream: TcpStream, delay: Duration) -> std::io::Result<()> {
    let mut wire = Wire::new(stream)?;
    while let Some((_, body)) = wire.receive().await? {
        let answer = confirmed(body).to_string();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let head = "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length:";
        wire.send(format!("{head} {}\r\n\r\n{answer}", answer.len()).as_bytes()).await?;
    }
    Ok(())
}

fn confirmed(body: &[u8]) -> Value {
    let asked: Value = serde_json::from_slice(body).unwrap();
    let payload = asked["spec"]["token"].as_str().and_then(|token| token.split('.').nth(1)).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let of = &claims["kubernetes.io"];
    let (namespace, account) = (of["namespace"].as_str().unwrap(), &of["serviceaccount"]);
    let username = format!("system:serviceaccount:{namespace}:{}", account["name"].as_str().unwrap());
    json!({
        "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "spec": {},
        "status": {
            "authenticated": true, "audiences": [AUDIENCE],
            "user": {"username": username, "uid": account["uid"], "groups": ["system:serviceaccounts"]},
        },
    })
}
