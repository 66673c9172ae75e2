//! What comes of a request, on the wire.

use std::time::Duration;

use rolegate::core::secret::Secret;
use rolegate::doors::vault::Limits as Bounds;
use rolegate::vault::outcome::{Answer as Done, Auth, Class, Refusal};

use crate::support::{Does, ID, NO_WORD, Served, asked, error};

fn login() -> Done {
    let auth = Auth {
        client_token: Secret::from("hvs.abc".to_owned()),
        accessor: "acc".to_owned(),
        policies: vec!["default".to_owned()],
        metadata: None,
        lease_duration: 60,
        renewable: true,
        entity_id: "e-1".to_owned(),
        token_type: "service",
        orphan: true,
        num_uses: 0,
    };
    Done { auth: Some(Box::new(auth)), ..Done::default() }
}

#[tokio::test]
async fn a_login_comes_in_the_envelope_byte_by_byte() {
    let served = Served::that(Does::Answers(login().into()));
    let expected = format!(
        concat!(
            r#"{{"request_id":"{}","lease_id":"","renewable":false,"lease_duration":0,"data":null,"#,
            r#""wrap_info":null,"warnings":null,"auth":{{"client_token":"hvs.abc","accessor":"acc","#,
            r#""policies":["default"],"token_policies":["default"],"metadata":null,"lease_duration":60,"#,
            r#""renewable":true,"entity_id":"e-1","token_type":"service","orphan":true,"#,
            r#""mfa_requirement":null,"num_uses":0}}}}"#,
            "\n"
        ),
        ID
    );
    served.ask("PUT", "/v1/auth/kubernetes/login", &[], "{}").await.is(200, &expected);
}

#[tokio::test]
async fn a_second_factor_that_nobody_asked_for_is_a_warning_at_the_login() {
    let served = Served::that(Does::Answers(login().into()));
    let warning = serde_json::json!(["Found MFA header but failed to find MFA Enforcement Config"]);
    for (path, expected) in
        [("/v1/auth/kubernetes/login", warning), ("/v1/auth/token/renew-self", serde_json::Value::Null)]
    {
        let answer = served.ask("POST", path, &["X-Vault-MFA: x"], "{}").await;
        assert_eq!(answer.json()["warnings"], expected, "{path}");
    }
}

#[tokio::test]
async fn the_request_id_is_the_one_that_the_handler_knows() {
    let served = Served::new();
    let answer = served.get("/v1/x").await;
    assert_eq!(answer.json()["request_id"], ID);
    let seen = asked(&answer);
    assert_eq!((seen["id"].as_str(), &seen["deadline_is_near_90_s"]), (Some(ID), &true.into()));
}

#[tokio::test]
async fn nothing_to_say_is_204_or_404() {
    let served = Served::that(Does::Answers(Done::default().into()));
    for method in ["POST", "PUT", "DELETE"] {
        served.ask(method, "/v1/x", &[], "").await.is(204, "");
    }
    for method in ["GET", "LIST"] {
        served.ask(method, "/v1/x", &[], "").await.is(404, NO_WORD);
    }
}

#[tokio::test]
async fn refusals_are_told_in_their_words() {
    let served =
        Served::that(Does::Answers(Refusal::new(Class::Denied, "permission denied").listed().into()));
    served.get("/v1/x").await.is(403, &error("1 error occurred:\n\t* permission denied\n\n"));
    served.does(Does::Answers(Refusal::silent(Class::NotFound).into()));
    served.get("/v1/x").await.is(404, NO_WORD);
    let later = Refusal {
        retry_after: Some(Duration::from_secs(7)),
        ..Refusal::new(Class::Unavailable, "the API server does not answer")
    };
    served.does(Does::Answers(later.into()));
    let answer = served.post("{}").await;
    answer.is(503, &error("the API server does not answer"));
    assert_eq!(answer.header("retry-after"), "7");
}

#[tokio::test]
async fn what_was_wrapped_leaves_as_it_is() {
    let inside = "{\"request_id\":\"older\",\"auth\":null}\n";
    let answer = Done { unwrapped: Some(Secret::from(inside.to_owned())), ..Done::default() };
    let served = Served::that(Does::Answers(answer.into()));
    served.post("").await.is(200, inside);
}

#[tokio::test]
async fn a_head_has_no_body_whatever_comes_of_it() {
    let served = Served::new();
    for (path, does, status) in [
        ("/v1/x", Does::Echoes, 200),
        ("/v1/x", Does::Answers(Refusal::new(Class::Unsupported, "unsupported operation").into()), 405),
        ("/v1/x", Does::PanicsAtOnce, 500),
        ("/v1/sys/health", Does::Echoes, 200),
        ("/v1/sys/seal-status", Does::Echoes, 405),
        ("/nothing", Does::Echoes, 404),
    ] {
        served.does(does);
        let mut wire = crate::wire::Wire::open(served.addr).await;
        let head = format!("HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_eq!(wire.send(head).await.answer_to_head().await.status, status, "{path}");
        assert!(wire.rest().await.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_handler_that_panics_is_one_500_and_the_connection_goes_on() {
    let served = Served::new();
    let mut wire = crate::wire::Wire::open(served.addr).await;
    let get = "GET /v1/x HTTP/1.1\r\nHost: a\r\n\r\n";
    for does in [Does::PanicsAtOnce, Does::PanicsLater] {
        served.does(does);
        wire.send(get).await.answer().await.is(500, &error("internal error"));
        served.does(Does::Echoes);
        assert_eq!(wire.send(get).await.answer().await.status, 200);
    }
}

#[tokio::test]
async fn a_handler_that_keeps_no_deadline_is_given_up() {
    let served = Served::with("{}", Bounds { request_time: Duration::ZERO, ..Bounds::default() });
    served.does(Does::Hangs);
    let answer = served.get("/v1/x").await;
    answer.is(503, &error("the request took too long"));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(served.handler.gone.available_permits(), 1);
}

#[tokio::test]
async fn requests_are_counted_by_operation_and_status() {
    let served = Served::new();
    served.get("/v1/x").await;
    served.get("/v1/x?list=true").await;
    served.get("/v1/sys/health?activecode=299").await;
    served.post("{").await;
    served.ask("hvs.secret", "/v1/hvs.secret", &[], "").await;
    let text = served.metrics.render();
    let counted: Vec<&str> =
        text.lines().filter(|line| line.starts_with("rolegate_vault_requests_total{")).collect();
    let expected = [
        r#"rolegate_vault_requests_total{operation="list",status="200"} 1"#,
        r#"rolegate_vault_requests_total{operation="none",status="405"} 1"#,
        r#"rolegate_vault_requests_total{operation="read",status="200"} 1"#,
        r#"rolegate_vault_requests_total{operation="read",status="other"} 1"#,
        r#"rolegate_vault_requests_total{operation="write",status="400"} 1"#,
    ];
    assert_eq!(counted, expected);
    assert!(!text.contains("secret"), "{text}");
}
