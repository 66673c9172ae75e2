//! Statuses, headers and bodies of outcomes.

use std::time::Duration;

use http_body_util::BodyExt as _;
use serde_json::Map;

use super::{Reply, of_outcome, of_target};
use crate::doors::vault::target::TargetError;
use crate::vault::outcome::{Answer, Class, Outcome, Refusal};
use crate::vault::request::Operation;

const OPERATIONS: [Operation; 6] = [
    Operation::Read,
    Operation::List,
    Operation::Header,
    Operation::Write,
    Operation::Delete,
    Operation::Patch,
];

/// Status, content type and body.
async fn told(reply: Reply) -> (u16, String, String) {
    assert_eq!(reply.headers()["cache-control"], "no-store");
    let kind = reply.headers().get("content-type").map_or("", |kind| kind.to_str().unwrap()).to_owned();
    let status = reply.status().as_u16();
    let body = reply.into_body().collect().await.unwrap().to_bytes();
    (status, kind, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn nothing_is_404_for_a_read_and_204_for_a_write() {
    for operation in OPERATIONS {
        let reply = told(of_outcome("id", operation, &Answer::default().into())).await;
        let reads = matches!(operation, Operation::Read | Operation::List | Operation::Header);
        let (status, body) = if reads { (404, "{\"errors\":[]}\n") } else { (204, "") };
        assert_eq!(reply, (status, "application/json".to_owned(), body.to_owned()), "{operation:?}");
    }
}

#[tokio::test]
async fn anything_at_all_is_200() {
    let answers = [
        Answer { data: Some(Map::new()), ..Answer::default() },
        Answer { warnings: vec!["careful".to_owned()], ..Answer::default() },
    ];
    for answer in answers {
        for operation in OPERATIONS {
            let (status, kind, body) = told(of_outcome("id", operation, &answer.clone().into())).await;
            assert_eq!((status, kind.as_str()), (200, "application/json"));
            assert!(body.starts_with("{\"request_id\":\"id\",") && body.ends_with("}\n"), "{body}");
        }
    }
}

#[tokio::test]
async fn each_class_of_refusal_has_its_status() {
    for (class, expected) in [
        (Class::Invalid, 400),
        (Class::Denied, 403),
        (Class::NotFound, 404),
        (Class::Unsupported, 405),
        (Class::Internal, 500),
        (Class::Unavailable, 503),
    ] {
        let (status, kind, body) =
            told(of_outcome("id", Operation::Read, &Refusal::new(class, "no").into())).await;
        assert_eq!(
            (status, kind.as_str(), body.as_str()),
            (expected, "application/json", "{\"errors\":[\"no\"]}\n")
        );
    }
    let (_, _, body) = told(of_outcome("id", Operation::Read, &Refusal::silent(Class::Denied).into())).await;
    assert_eq!(body, "{\"errors\":[]}\n");
}

#[test]
fn who_is_to_ask_again_is_told_when() {
    let after = |class, retry_after| {
        let refusal = Refusal { retry_after, ..Refusal::new(class, "no") };
        let reply = of_outcome("id", Operation::Read, &Outcome::Refused(refusal));
        reply.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(after(Class::Denied, None), None);
    assert_eq!(after(Class::Unavailable, None).as_deref(), Some("1"));
    for (wait, expected) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2"), (30_000, "30")] {
        let found = after(Class::Unavailable, Some(Duration::from_millis(wait)));
        assert_eq!(found.as_deref(), Some(expected), "{wait}");
    }
}

#[tokio::test]
async fn a_redirect_keeps_the_query_and_shows_nothing_that_is_markup() {
    let unclean = || TargetError::Unclean("/v1/a".to_owned());
    let reply = of_target(unclean(), Some("b=\"<'&c"), true);
    assert_eq!(reply.headers()["location"], "/v1/a?b=\"<'&c");
    let (status, kind, body) = told(reply).await;
    assert_eq!((status, kind.as_str()), (307, "text/html; charset=utf-8"));
    assert_eq!(body, "<a href=\"/v1/a?b=&#34;&lt;&#39;&amp;c\">Temporary Redirect</a>.\n\n");
    let (status, kind, body) = told(of_target(unclean(), None, false)).await;
    assert_eq!((status, kind.as_str(), body.as_str()), (307, "", ""));
}
