//! `:authority`: what the HTTP library refuses, and that the example configurations send something else.
//!
//! docs/troubleshooting.md has the symptom and the remedy; both are pinned here.

use http::uri::Authority;
use prost::Message as _;

use crate::frames::{CHECK, Connection, HEADERS, RST_STREAM, call, message};
use crate::support::{Served, good_request, told};

const REFUSED: [&str; 4] = [
    "outbound|9191||rolegate.rolegate.svc.cluster.local",
    "extension/rolegate/rolegate",
    "rolegate door",
    "rolegate\"",
];

#[tokio::test]
async fn a_name_that_is_no_host_resets_the_call_and_any_host_name_does_not() {
    let served = Served::new("{}");
    let mut connection = Connection::open(&served, None).await;
    let good = good_request().encode_to_vec();
    let mut streams = (1..).step_by(2);
    for (stream, name) in streams.by_ref().zip(REFUSED) {
        connection.send(&call(stream, CHECK, name, &[])).await;
        let reset = connection.expect(RST_STREAM, stream).await;
        assert_eq!(reset.payload, 1_u32.to_be_bytes(), "PROTOCOL_ERROR for {name}");
    }
    let served_names =
        ["rolegate", "rolegate.rolegate.svc.cluster.local:9191", "a_b", "[::1]:9191", "rolegate_9191"];
    for (stream, name) in streams.zip(served_names) {
        connection.send(&[call(stream, CHECK, name, &[]), message(stream, &good)].concat()).await;
        connection.expect(HEADERS, stream).await;
        assert_eq!(told(&connection.answer(stream).await), "allow allowed", "{name}");
    }
}

#[test]
fn every_example_names_an_authority_that_is_served_for_checks_and_health_checks() {
    for (file, text) in [
        ("envoy/demo.yaml", include_str!("../../envoy/demo.yaml")),
        ("envoy/production.yaml", include_str!("../../envoy/production.yaml")),
        ("kind/gateway/envoy.yaml", include_str!("../../kind/gateway/envoy.yaml")),
    ] {
        let calls: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("envoy_grpc:") || line.contains("grpc_health_check:"))
            .collect();
        assert!(!calls.is_empty(), "{file}");
        for line in calls {
            let (_, rest) = line.split_once("authority: ").unwrap_or_else(|| panic!("{file}: {line}"));
            let name = rest.split([' ', ',', '}']).next().unwrap();
            name.parse::<Authority>().unwrap_or_else(|error| panic!("{file}: {name}: {error}"));
        }
    }
}

#[test]
fn the_documentation_has_the_symptom_and_the_remedy() {
    let text = include_str!("../../docs/troubleshooting.md");
    for needed in
        ["outbound|9191||", "extension/", "PROTOCOL_ERROR", "authority", "rx_reset", "grpc_health_check"]
    {
        assert!(text.contains(needed), "{needed}");
    }
}
