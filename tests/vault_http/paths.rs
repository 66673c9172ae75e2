//! Paths, methods, lists.

use crate::support::{NO_WORD, Served, asked, error};

#[tokio::test]
async fn a_path_reaches_the_handler_as_it_is_meant() {
    let served = Served::new();
    for (path, expected) in [
        ("/v1/", ""),
        ("/v1/auth/kubernetes/config", "auth/kubernetes/config"),
        ("/v1/auth/kubernetes/con%66ig", "auth/kubernetes/config"),
        ("/v1/auth%2Fkubernetes%2Fconfig", "auth/kubernetes/config"),
        ("/v1/auth/kubernetes/config%20", "auth/kubernetes/config "),
        ("/v1/auth/kubernetes/config;x=1", "auth/kubernetes/config;x=1"),
        ("/v1/auth/kubernetes/config?", "auth/kubernetes/config"),
        ("/v1/auth/kubernetes/role/a..b", "auth/kubernetes/role/a..b"),
        ("/v1/auth/kubernetes/", "auth/kubernetes/"),
        ("/v1/AUTH/kubernetes", "AUTH/kubernetes"),
        ("http://elsewhere.test/v1/x", "x"),
    ] {
        let seen = asked(&served.get(path).await);
        assert_eq!(
            (seen["path"].as_str(), seen["operation"].as_str()),
            (Some(expected), Some("Read")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn outside_of_v1_there_is_nothing() {
    let served = Served::new();
    for path in ["/", "/v1", "/v2/sys/health", "/healthz", "/auth/kubernetes/login", "/V1/sys/health", "/ui/"]
    {
        served.get(path).await.is(404, NO_WORD);
        served.ask("POST", path, &[], "{}").await.is(404, NO_WORD);
    }
    served.ask("OPTIONS", "*", &[], "").await.is(404, NO_WORD);
    served.ask("CONNECT", "elsewhere.test:443", &[], "").await.is(404, NO_WORD);
}

#[tokio::test]
async fn a_path_that_is_not_clean_is_redirected_to_the_clean_one() {
    let served = Served::new();
    for (path, clean) in [
        ("/v1/auth/kubernetes/../token/lookup-self", "/v1/auth/token/lookup-self"),
        ("/v1/auth/kubernetes/./config", "/v1/auth/kubernetes/config"),
        ("/v1/auth/kubernetes/role/..", "/v1/auth/kubernetes"),
        ("/v1//auth", "/v1/auth"),
        ("//elsewhere.test/..", "/"),
    ] {
        let answer = served.get(path).await;
        assert_eq!((answer.status, answer.header("location")), (307, clean), "{path}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert_eq!(answer.body, format!("<a href=\"{clean}\">Temporary Redirect</a>.\n\n"), "{path}");
        let answer = served.ask("PUT", &format!("{path}?a=1&b=2"), &[], "{}").await;
        assert_eq!((answer.status, answer.header("location")), (307, format!("{clean}?a=1&b=2").as_str()));
        assert_eq!((answer.header("content-type"), answer.body.as_str()), ("", ""), "{path}");
    }
}

#[tokio::test]
async fn a_path_that_cannot_be_meant_is_a_bad_request() {
    let served = Served::new();
    for method in ["GET", "POST", "LIST", "OPTIONS"] {
        let answer = served.ask(method, "/v1/a/%2e%2e/config", &[], "").await;
        match method {
            "OPTIONS" => answer.is(400, &error("cannot handle internal-only request operation")),
            _ => answer.is(400, &error("relative paths not supported")),
        }
    }
    for path in ["/v1/config%00", "/v1/config%0a", "/%7f"] {
        let answer = served.get(path).await;
        assert_eq!(
            (answer.status, answer.header("content-type"), answer.body.as_str()),
            (400, "", ""),
            "{path}"
        );
    }
    for path in ["/v1/config%zz", "/v1/%", "/%a"] {
        let answer = served.get(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (400, "400 Bad Request"), "{path}");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8", "{path}");
    }
}

#[tokio::test]
async fn each_method_has_its_operation_or_its_refusal() {
    let served = Served::new();
    for (method, operation) in
        [("GET", "Read"), ("LIST", "List"), ("POST", "Write"), ("PUT", "Write"), ("DELETE", "Delete")]
    {
        let seen = asked(&served.ask(method, "/v1/a", &[], "").await);
        assert_eq!(seen["operation"], operation, "{method}");
        assert_eq!(seen["path"], if method == "LIST" { "a/" } else { "a" }, "{method}");
    }
    for method in ["TRACE", "FOO", "list", "get", "COPY", "SCAN"] {
        served.ask(method, "/v1/a", &[], "").await.is(405, NO_WORD);
    }
    let answer = served.ask("OPTIONS", "/v1/a", &["Origin: https://elsewhere.test"], "").await;
    answer.is(400, &error("cannot handle internal-only request operation"));
    assert_eq!((answer.header("access-control-allow-origin"), answer.header("vary")), ("", ""));
    for method in ["POST", "PUT"] {
        let answer = served.ask(method, "/v1/auth/kubernetes/login/", &[], "{}").await;
        answer.is(400, &error("cannot write to a path ending in '/'"));
    }
}

#[tokio::test]
async fn a_patch_must_call_itself_a_merge_patch() {
    let served = Served::new();
    let refused = "PATCH requires Content-Type of application/merge-patch+json, provided application/json";
    served.ask("PATCH", "/v1/a", &["Content-Type: application/json"], "{}").await.is(415, &error(refused));
    served.ask("PATCH", "/v1/a", &[], "{}").await.is(400, &error("mime: no media type"));
    assert_eq!(served.ask("PATCH", "/v1/a", &["Content-Type: a/b/c"], "{}").await.status, 400);
    for kind in ["application/merge-patch+json; charset=utf-8", "APPLICATION/merge-patch+JSON"] {
        let kind = format!("Content-Type: {kind}");
        let seen = asked(&served.ask("PATCH", "/v1/a", &[&kind], "{\"b\":1}").await);
        assert_eq!((seen["operation"].as_str(), &seen["data"]["b"]), (Some("Patch"), &1.into()));
    }
}

#[tokio::test]
async fn a_list_is_asked_for_by_method_or_by_query() {
    let served = Served::new();
    for (path, expected) in [
        ("/v1/role?list=true", Some("role/")),
        ("/v1/role/?list=1", Some("role/")),
        ("/v1/role?list=true&list=false", Some("role/")),
        ("/v1/role?list=false", None),
        ("/v1/role?list=", None),
    ] {
        let seen = asked(&served.get(path).await);
        assert_eq!(seen["operation"], if expected.is_some() { "List" } else { "Read" }, "{path}");
        assert_eq!(seen["path"], expected.unwrap_or("role"), "{path}");
        assert_eq!(seen["data"].get("list").is_some(), expected.is_none(), "{path}");
    }
    served.get("/v1/role?list=x").await.is(400, NO_WORD);
}

#[tokio::test]
async fn parameters_are_the_fields_of_what_has_no_body() {
    let served = Served::new();
    for method in ["GET", "LIST", "DELETE"] {
        let seen = asked(&served.ask(method, "/v1/a?foo=1&bar=x%20y&bar=z&bad=%zz", &[], "{\"no\":1}").await);
        assert_eq!(seen["data"], serde_json::json!({"foo": "1", "bar": ["x y", "z"]}), "{method}");
    }
    let seen = asked(&served.ask("POST", "/v1/a?foo=1", &[], "{\"b\":2}").await);
    assert_eq!(seen["data"], serde_json::json!({"b": 2}));
}
