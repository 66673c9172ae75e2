//! The services beside Check: health and reflection.

use bytes::Bytes;
use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use http_body_util::Full;
use hyper::Request;
use tonic::{Code, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use super::{
    asking::{client, look_alike, reason, request, server},
    support::{eventually, http::Client, rolegate::Rolegate, within},
};

const SERVICE: &str = "envoy.service.auth.v3.Authorization";

async fn channel(rolegate: &Rolegate) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{}", rolegate.envoy())).unwrap();
    endpoint.connect().await.unwrap()
}

#[tokio::test]
async fn health_says_serving_for_the_process_and_for_its_service_alone() {
    let rolegate = Rolegate::server(&server().to_string()).await;
    let mut health = HealthClient::new(channel(&rolegate).await);
    for service in ["", SERVICE] {
        eventually("serving", async || {
            let request = HealthCheckRequest { service: service.to_owned() };
            let status = health.check(request).await.unwrap().into_inner().status();
            (status == ServingStatus::Serving).then_some(())
        })
        .await;
    }
    let unknown = HealthCheckRequest { service: "other".to_owned() };
    assert_eq!(health.check(unknown).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn those_who_watch_are_told_when_it_stops_serving() {
    let mut config = server();
    config["shutdown"]["lame_duck"] = "1h".into();
    let rolegate = Rolegate::server(&config.to_string()).await;
    let mut health = HealthClient::new(channel(&rolegate).await);
    for service in ["", SERVICE] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let mut changes = health.watch(request).await.unwrap().into_inner();
        let mut until = async |wanted| {
            within("a change of health", async {
                while changes.message().await.unwrap().expect("the stream goes on").status() != wanted {}
            })
            .await;
        };
        if service.is_empty() {
            until(ServingStatus::Serving).await;
            rolegate.signal("TERM");
        }
        until(ServingStatus::NotServing).await;
    }
}

#[tokio::test]
async fn reflection_lists_the_services_and_describes_check() {
    let rolegate = Rolegate::server(&server().to_string()).await;
    let mut reflection = ServerReflectionClient::new(channel(&rolegate).await);
    let asked = [
        MessageRequest::ListServices(String::new()),
        MessageRequest::FileContainingSymbol(SERVICE.to_owned()),
    ];
    let requests =
        asked.map(|request| ServerReflectionRequest { host: String::new(), message_request: Some(request) });
    let mut answers =
        reflection.server_reflection_info(futures_util::stream::iter(requests)).await.unwrap().into_inner();
    let mut next =
        async || within("reflection", answers.message()).await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(listed) = next().await else { panic!("no list") };
    let names: Vec<_> = listed.service.iter().map(|service| service.name.as_str()).collect();
    for name in [SERVICE, "grpc.health.v1.Health"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let MessageResponse::FileDescriptorResponse(files) = next().await else { panic!("no file") };
    assert!(!files.file_descriptor_proto.is_empty());
}

#[tokio::test]
async fn an_empty_check_is_refused_and_an_unknown_method_is_told() {
    let rolegate = Rolegate::server(&server().to_string()).await;
    let answer = client(rolegate.envoy()).await.check(CheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(reason(&answer), "no_token");
    assert_ne!(answer.status.unwrap().code, 0);

    let other = Request::post("/envoy.service.auth.v3.Authorization/Other")
        .header("content-type", "application/grpc")
        .body(Full::<Bytes>::default());
    let answer = Client::http2(rolegate.envoy()).send(other.unwrap()).await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), answer.header("grpc-status")),
        (404, None),
        "gRPC clients read it as UNIMPLEMENTED"
    );
}

#[tokio::test]
async fn a_check_of_a_mebibyte_is_decided_and_a_far_larger_one_is_not_allowed() {
    const MEBIBYTE: usize = 1 << 20;
    let rolegate = Rolegate::server(&server().to_string()).await;
    let mut client = client(rolegate.envoy()).await;
    for (length, expected) in [(MEBIBYTE, "no_role"), (16 * MEBIBYTE, "too_large")] {
        let mut large = request(&look_alike("orders"), "");
        let asked = large.attributes.as_mut().unwrap().request.as_mut().unwrap();
        asked.http.as_mut().unwrap().path = "/".repeat(length);
        let answer = client.check(large).await.unwrap().into_inner();
        assert_eq!(reason(&answer), expected, "{length} bytes");
        assert_ne!(answer.status.unwrap().code, 0);
    }
}
