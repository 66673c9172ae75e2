//! What is rejected, in which order, and what the answer says.

use std::time::{Duration, Instant};

use http::request::Parts;
use http::{Method, Request, Version};

use super::{CHECK, HEALTH, REFLECTION, Rejection, Rejections, Rpc, rpc};

/// A call of Check as Envoy sends it.
fn call() -> http::request::Builder {
    Request::post(CHECK)
        .version(Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
}

fn parts(builder: http::request::Builder) -> Parts {
    builder.body(()).unwrap().into_parts().0
}

fn with(change: impl FnOnce(&mut Parts)) -> Result<Rpc, Rejection> {
    let mut parts = parts(call());
    change(&mut parts);
    rpc(&parts)
}

#[test]
fn a_post_of_grpc_to_a_served_method_with_te_trailers_is_a_call() {
    assert_eq!(rpc(&parts(call())), Ok(Rpc::Check));
    let typed = |parts: &mut Parts| {
        parts.headers.insert("content-type", "application/grpc+proto".parse().unwrap());
    };
    assert_eq!(with(typed), Ok(Rpc::Check));
    for (paths, expected) in [(HEALTH, Rpc::Health), (REFLECTION, Rpc::Reflection)] {
        for path in paths {
            assert_eq!(with(|parts| parts.uri = path.parse().unwrap()), Ok(expected), "{path}");
            let absolute = format!("http://rolegate.test{path}");
            assert_eq!(with(|parts| parts.uri = absolute.parse().unwrap()), Ok(expected), "{absolute}");
        }
    }
}

#[test]
fn every_other_content_type_is_rejected() {
    for value in [
        "",
        "application/json",
        "text/plain",
        "application/grpc-web",
        "application/grpc-web+proto",
        "application/grpc-web-text",
        "application/grpc+json",
        "application/grpc+protox",
        "application/grpc;charset=utf-8",
        "application/grpc; proto",
        "application/grpc, application/grpc",
        "application/grpcx",
        "Application/gRPC",
        "application/connect+proto",
        "application/proto",
    ] {
        let typed = |parts: &mut Parts| {
            parts.headers.insert("content-type", value.parse().unwrap());
        };
        assert_eq!(with(typed), Err(Rejection::ContentType), "{value}");
    }
    let absent = |parts: &mut Parts| {
        parts.headers.remove("content-type");
    };
    assert_eq!(with(absent), Err(Rejection::ContentType));
    let twice = |parts: &mut Parts| {
        parts.headers.append("content-type", "application/grpc".parse().unwrap());
    };
    assert_eq!(with(twice), Err(Rejection::ContentType));
}

#[test]
fn every_other_method_path_te_and_version_is_rejected() {
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "post", "PRI"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(with(|parts| parts.method = method.clone()), Err(Rejection::Method), "{method}");
    }
    for path in [
        "/",
        "*",
        "rolegate.test:9191",
        "/orders",
        "/envoy.service.auth.v3.Authorization",
        "/envoy.service.auth.v3.Authorization/",
        "/envoy.service.auth.v3.Authorization/Check/",
        "/envoy.service.auth.v3.Authorization/check",
        "/envoy.service.auth.v3.Authorization/Check?",
        "/envoy.service.auth.v3.Authorization/Check?a=b",
        "//envoy.service.auth.v3.Authorization/Check",
        "/x/envoy.service.auth.v3.Authorization/Check",
        "/envoy.service.auth.v3.Authorization%2FCheck",
        "/envoy.service.auth.v2.Authorization/Check",
        "/grpc.health.v1.Health/List",
        "/grpc.health.v1.Health/Check?",
    ] {
        assert_eq!(with(|parts| parts.uri = path.parse().unwrap()), Err(Rejection::Path), "{path}");
    }
    for te in ["", "gzip", "Trailers", "trailers, gzip", "trailers;q=0.5"] {
        let set = |parts: &mut Parts| {
            parts.headers.insert("te", te.parse().unwrap());
        };
        assert_eq!(with(set), Err(Rejection::Te), "{te}");
    }
    let absent = |parts: &mut Parts| {
        parts.headers.remove("te");
    };
    assert_eq!(with(absent), Err(Rejection::Te));
    for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_3] {
        assert_eq!(with(|parts| parts.version = version), Err(Rejection::HttpVersion), "{version:?}");
    }
}

#[test]
fn the_first_failed_check_counts() {
    let mut wrong = parts(Request::get("/orders").version(Version::HTTP_11));
    for (expected, status, right) in [
        (Rejection::ContentType, 415, ("content-type", "application/grpc")),
        (Rejection::Method, 405, ("", "")),
        (Rejection::Path, 404, ("", "")),
        (Rejection::Te, 400, ("te", "trailers")),
        (Rejection::HttpVersion, 400, ("", "")),
    ] {
        assert_eq!(rpc(&wrong), Err(expected));
        assert_eq!(expected.status(), status);
        match (expected, right) {
            (Rejection::Method, _) => wrong.method = Method::POST,
            (Rejection::Path, _) => wrong.uri = CHECK.parse().unwrap(),
            (Rejection::HttpVersion, _) => wrong.version = Version::HTTP_2,
            (_, (name, value)) => {
                wrong.headers.insert(name, value.parse().unwrap());
            }
        }
    }
    assert_eq!(rpc(&wrong), Ok(Rpc::Check));
}

#[test]
fn an_answer_is_a_4xx_with_a_sentence_and_nothing_of_grpc() {
    for rejection in Rejection::ALL {
        for (version, closes) in [(Version::HTTP_2, false), (Version::HTTP_11, true)] {
            let response = rejection.response(&parts(Request::get("/").version(version)));
            assert!(response.status().is_client_error(), "{rejection:?}");
            let headers = response.headers();
            assert!(!headers.keys().any(|name| name.as_str().starts_with("grpc-")), "{rejection:?}");
            assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
            assert_eq!(headers["content-length"], response.body().len().to_string().as_str());
            assert_eq!(headers.contains_key("connection"), closes);
            assert_eq!(headers.contains_key("allow"), rejection == Rejection::Method);
            let body = std::str::from_utf8(response.body()).unwrap();
            assert!(body.ends_with(".\n") && body.lines().count() == 1, "{body}");
        }
        let head = rejection.response(&parts(Request::head("/").version(Version::HTTP_2)));
        assert!(head.body().is_empty());
        assert_eq!(head.headers()["content-length"], rejection.sentence().len().to_string().as_str());
    }
}

#[test]
fn each_cause_has_one_log_line_in_ten_seconds_that_counts_all() {
    let (rejections, start) = (Rejections::default(), Instant::now());
    let at = |seconds, rejection: Rejection| {
        rejections.due(rejection as usize, start + Duration::from_secs(seconds))
    };
    assert_eq!(at(0, Rejection::Te), Some(1));
    for _ in 0..1000 {
        assert_eq!(at(9, Rejection::Te), None);
    }
    assert_eq!(at(9, Rejection::Path), Some(1), "another cause has a line of its own");
    assert_eq!(at(10, Rejection::Te), Some(1001));
    assert_eq!(at(19, Rejection::Te), None);
    assert_eq!(at(25, Rejection::Te), Some(2));
}
