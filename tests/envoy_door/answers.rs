//! What an answer changes of the request, and what it says to callers of gRPC.

use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};

use crate::support::{ApiServer, Served, ok, request, set_to, soon, token, told};

const SOURCES: &str =
    "token_sources: [{ header: authorization, scheme: Bearer }, { cookie: t }, { query: t }]";

async fn check(served: &Served, request: CheckRequest) -> CheckResponse {
    soon(served.client().await.check(request)).await.expect("an answer").into_inner()
}

/// A request as Envoy encodes it with raw headers.
fn raw(path: &str, lines: &[(&str, &[u8])]) -> CheckRequest {
    let line = |(name, value): &(&str, &[u8])| HeaderValue {
        key: (*name).to_owned(),
        raw_value: value.to_vec(),
        ..HeaderValue::default()
    };
    let mut request = request(&[]);
    let http = request.attributes.as_mut().unwrap().request.as_mut().unwrap().http.as_mut().unwrap();
    let mut headers: Vec<HeaderValue> = lines.iter().map(line).collect();
    headers.push(line(&(":path", path.as_bytes())));
    (http.path, http.header_map) = (path.to_owned(), Some(HeaderMap { headers }));
    request
}

#[tokio::test]
async fn a_query_is_changed_by_its_path_and_only_where_it_holds_the_parameter() {
    let served = Served::new(SOURCES);
    let (token, bearer) = (token("orders"), format!("Bearer {}", token("orders")));
    for (path, left) in [
        ("/orders?uploads", None),
        ("/orders?&&a=1", None),
        ("/orders?t=x&uploads", Some("/orders?uploads")),
        ("/orders?a=1;%74=x", Some("/orders?a=1")),
    ] {
        let response = check(&served, raw(path, &[("authorization", bearer.as_bytes())])).await;
        assert_eq!(told(&response), "allow allowed", "{path}");
        assert_eq!(set_to(&ok(&response).headers, ":path"), left, "{path}");
        assert_eq!(ok(&response).query_parameters_to_remove, [""; 0], "{path}");
    }
    let response = check(&served, raw(&format!("/orders?t={token}"), &[])).await;
    assert_eq!(set_to(&ok(&response).headers, ":path"), Some("/orders"));
}

#[tokio::test]
async fn what_cannot_be_sent_back_unchanged_is_refused_and_without_the_token_it_passes() {
    let served = Served::new(SOURCES);
    let (token, bearer) = (token("orders"), format!("Bearer {}", token("orders")));
    let with_token = [b"a=\xf1; t=", token.as_bytes()].concat();
    for (cookie, expected) in
        [(&with_token[..], "denied 401 malformed_token"), (&b"a=\xf1"[..], "allow allowed")]
    {
        let lines: &[(&str, &[u8])] = match expected {
            "allow allowed" => &[("cookie", cookie), ("authorization", bearer.as_bytes())],
            _ => &[("cookie", cookie)],
        };
        assert_eq!(told(&check(&served, raw("/orders", lines)).await), expected);
    }
}

#[tokio::test]
async fn a_caller_of_grpc_is_told_the_plain_sentence() {
    let served = Served::new("{}");
    let billing = format!("Bearer {}", token("billing"));
    let orders = format!("Bearer {}", token("orders"));
    for (api_server, authorization, expected) in [
        (ApiServer::Confirms, None, "missing jwt"),
        (ApiServer::Confirms, Some(&billing), "service account name not authorized"),
        (ApiServer::IsAway, Some(&orders), "the Kubernetes API server does not answer, try again"),
    ] {
        served.api_server(api_server);
        for content_type in ["application/grpc", "application/grpc+proto", "application/json"] {
            let mut lines = vec![("content-type", content_type)];
            lines.extend(authorization.map(|value| ("authorization", value.as_str())));
            let response = check(&served, request(&lines)).await;
            let (HttpResponse::DeniedResponse(answer) | HttpResponse::ErrorResponse(answer)) =
                response.http_response.expect("an answer")
            else {
                panic!("allowed")
            };
            let is_json = content_type == "application/json";
            let json = serde_json::json!({ "errors": [expected] }).to_string();
            assert_eq!(answer.body, if is_json { json } else { expected.to_owned() }, "{content_type}");
            let sent = set_to(&answer.headers, "content-type");
            assert_eq!(sent, is_json.then_some("application/json"), "{content_type}");
        }
    }
}
