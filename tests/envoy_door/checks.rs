//! Check by the client that is generated from Envoy's own definition.

use std::sync::atomic::Ordering;

use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use tonic::Code;

use crate::support::{ApiServer, Served, good_request, metadata, ok, request, set_to, soon, token, told};

async fn check(served: &Served, request: CheckRequest) -> CheckResponse {
    soon(served.client().await.check(request)).await.expect("an answer").into_inner()
}

#[tokio::test]
async fn a_service_account_of_the_role_is_allowed_and_named_to_the_upstream() {
    let served = Served::new("{}");
    let mut seen = Vec::new();
    // The first is encoded, the second is filled in.
    for _ in 0..2 {
        let response = check(&served, good_request()).await;
        assert_eq!(told(&response), "allow allowed");
        let ok = ok(&response);
        for (key, expected) in [
            ("mount", "kubernetes"),
            ("role", "orders"),
            ("namespace", "shop"),
            ("service-account", "orders"),
            ("uid", "u-1"),
            ("policies", "reader"),
            ("decision-id", metadata(&response, "decision-id")),
        ] {
            assert_eq!(set_to(&ok.headers, &format!("x-rolegate-{key}")), Some(expected));
            assert_eq!(metadata(&response, key), expected);
        }
        assert_eq!(ok.headers_to_remove, ["authorization", "x-vault-token"]);
        seen.push(metadata(&response, "decision-id").to_owned());
    }
    assert_eq!(seen, ["00000000000000070000000000000000", "00000000000000070000000000000001"]);
}

#[tokio::test]
async fn what_is_not_allowed_is_denied_with_its_reason() {
    let served = Served::new("{}");
    let bearer = |credential: &str| request(&[("authorization", &format!("Bearer {credential}"))]);
    let mut no_role = good_request();
    no_role.attributes.as_mut().unwrap().context_extensions.clear();
    for (request, expected) in [
        (CheckRequest::default(), "denied 401 no_token"),
        (request(&[]), "denied 401 no_token"),
        (bearer("abc"), "denied 401 malformed_token"),
        (bearer("hvs.abc"), "denied 401 client_token"),
        (bearer(&token("billing")), "denied 403 service_account_name"),
        (no_role, "denied 403 no_role"),
    ] {
        assert_eq!(told(&check(&served, request).await), expected);
    }
}

#[tokio::test]
async fn raw_headers_are_read_where_envoy_sends_them() {
    let served = Served::new("{}");
    let line = |value: String| HeaderValue {
        key: "authorization".to_owned(),
        raw_value: value.into_bytes(),
        ..HeaderValue::default()
    };
    let good = line(format!("Bearer {}", token("orders")));
    for (lines, expected) in
        [(vec![good.clone()], "allow allowed"), (vec![good.clone(), good], "denied 401 ambiguous_token")]
    {
        let mut request = request(&[]);
        let http = request.attributes.as_mut().unwrap().request.as_mut().unwrap().http.as_mut().unwrap();
        http.header_map = Some(HeaderMap { headers: lines });
        assert_eq!(told(&check(&served, request).await), expected);
    }
}

#[tokio::test]
async fn what_nobody_can_tell_is_an_error_or_a_denial_as_configured() {
    for (settings, expected) in [
        ("{}", "error 503 api_server_unreachable"),
        ("undecided: denied_response", "denied 503 api_server_unreachable"),
    ] {
        let served = Served::new(settings);
        served.api_server(ApiServer::IsAway);
        assert_eq!(told(&check(&served, good_request()).await), expected);
        served.api_server(ApiServer::Confirms);
        assert_eq!(told(&check(&served, good_request()).await), "allow allowed");
        served.unload();
        let expected = expected.replace("api_server_unreachable", "not_loaded");
        assert_eq!(told(&check(&served, good_request()).await), expected);
    }
}

#[tokio::test]
async fn what_one_request_loses_is_not_in_the_answer_to_the_next() {
    let served = Served::new("token_sources: [{ header: authorization, scheme: Bearer }, { cookie: t }]");
    let bearer = format!("Bearer {}", token("orders"));
    let mark = "[------ the decision's id -----]";
    let cookie = format!("a={mark}; t=x");
    let spoofed = request(&[("authorization", &bearer), ("x_rolegate_role", "admin"), ("cookie", &cookie)]);
    for (request, removed, left) in [
        (good_request(), &["authorization"][..], None),
        (spoofed, &["authorization", "x_rolegate_role"], Some(format!("a={mark}"))),
        (good_request(), &["authorization"], None),
    ] {
        let response = check(&served, request).await;
        assert_eq!(ok(&response).headers_to_remove, removed);
        assert_eq!(set_to(&ok(&response).headers, "cookie"), left.as_deref());
        assert_eq!(set_to(&ok(&response).headers, "x-rolegate-role"), Some("orders"));
    }
}

#[tokio::test]
async fn a_changed_role_shows_in_the_next_answer() {
    let served = Served::new("{}");
    for (policies, expected) in
        [(&["reader"][..], Some("reader")), (&["reader", "writer"], Some("reader,writer")), (&[], None)]
    {
        served.publish(policies);
        let response = check(&served, good_request()).await;
        assert_eq!(set_to(&ok(&response).headers, "x-rolegate-policies"), expected);
        let removed = ok(&response).headers_to_remove.contains(&"x-rolegate-policies".to_owned());
        assert_eq!(removed, expected.is_none());
    }
}

#[tokio::test]
async fn a_panic_is_an_error_of_one_call_and_the_connection_goes_on() {
    let served = Served::new("{}");
    let mut client = served.client().await;
    served.api_server(ApiServer::Panics);
    let status = soon(client.check(good_request())).await.expect_err("no answer");
    assert_eq!((status.code(), status.message()), (Code::Internal, "internal error"));
    served.api_server(ApiServer::Confirms);
    let response = soon(client.check(good_request())).await.expect("an answer").into_inner();
    assert_eq!(told(&response), "allow allowed");
    assert_eq!(served.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_message_of_1_mib_is_read_and_one_beyond_the_limit_is_denied_never_an_error() {
    let served = Served::new("{}");
    let mut client = served.client().await;
    for (bytes, expected) in
        [(1 << 20, "allow allowed"), (5 << 20, "denied 413 too_large"), (0, "allow allowed")]
    {
        let mut request = good_request();
        let http = request.attributes.as_mut().unwrap().request.as_mut().unwrap().http.as_mut().unwrap();
        http.raw_body = vec![b'x'; bytes];
        let response = soon(client.check(request)).await.expect("an answer").into_inner();
        assert_eq!(told(&response), expected, "{bytes}");
    }
    assert_eq!(served.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn every_answer_is_counted_once_by_its_reason() {
    let served = Served::new("{}");
    check(&served, good_request()).await;
    check(&served, good_request()).await;
    check(&served, request(&[])).await;
    let text = served.metrics.render();
    for line in [
        r#"rolegate_decisions_total{door="envoy",mount="kubernetes",outcome="allow",reason="allowed"} 2"#,
        r#"rolegate_decisions_total{door="envoy",mount="unknown",outcome="deny",reason="no_token"} 1"#,
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[tokio::test]
async fn health_is_served_beside_check() {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("", tonic_health::ServingStatus::Serving).await;
    let served = Served::beside("{}", tonic::service::Routes::new(health).prepare());
    let channel = tonic::transport::Endpoint::new(format!("http://{}", served.addr)).unwrap();
    let channel = soon(channel.connect()).await.unwrap();
    let mut client = tonic_health::pb::health_client::HealthClient::new(channel);
    let asked = tonic_health::pb::HealthCheckRequest { service: String::new() };
    let answer = soon(client.check(asked)).await.unwrap().into_inner();
    assert_eq!(answer.status(), tonic_health::pb::health_check_response::ServingStatus::Serving);
}
