//! What the answers of an API server do to what is known, in paused time.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::{NamespaceWatch, duration};
use crate::health::Health;
use crate::metrics::Metrics;
use crate::namespaces::WatchedNamespaces;
use crate::ports::{Clock, Labels};

const TTL: Duration = Duration::from_secs(10);
/// How long a watch is then.
const WATCH: Duration = Duration::from_secs(3);

#[derive(Debug)]
struct Since(Instant);

impl Clock for Since {
    fn unix_now(&self) -> i64 {
        0
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// An answer: its status, what it says at once, and how its body ends.
#[derive(Clone)]
struct Said(u16, String, After);

#[derive(Clone, Copy)]
enum After {
    Ends(Duration),
    Breaks(Duration),
    Hangs,
}

fn list(version: &str, team: &str) -> Said {
    let list = json!({ "metadata": { "resourceVersion": version }, "items": [shop(version, team)] });
    Said(200, list.to_string(), After::Ends(Duration::ZERO))
}

fn shop(version: &str, team: &str) -> Value {
    json!({ "metadata": { "name": "shop", "resourceVersion": version, "labels": { "team": team } } })
}

fn event(kind: &str, object: &Value) -> String {
    format!("{}\n", json!({ "type": kind, "object": object }))
}

fn watch(events: &str) -> Said {
    Said(200, events.to_owned(), After::Ends(WATCH))
}

/// A watch over an API server that says these one after the other, and then nothing but status 500.
struct Scene {
    namespaces: WatchedNamespaces,
    asked: Arc<Mutex<Vec<String>>>,
    health: Health,
    metrics: Metrics,
    began: Instant,
}

impl Scene {
    fn new(script: Vec<Said>) -> Self {
        let (began, asked) = (Instant::now(), Arc::<Mutex<Vec<String>>>::default());
        let (script, noted) = (Arc::new(Mutex::new(VecDeque::from(script))), Arc::clone(&asked));
        let service = tower::service_fn(move |request: Request<Body>| {
            noted.lock().unwrap().push(request.uri().to_string());
            let said = script.lock().unwrap().pop_front();
            let said = said.unwrap_or_else(|| Said(500, String::new(), After::Ends(Duration::ZERO)));
            async move { Ok::<_, Infallible>(answer(said)) }
        });
        let (clock, health, metrics) = (Arc::new(Since(began)), Health::default(), Metrics::default());
        let namespaces = WatchedNamespaces::new(Arc::<Since>::clone(&clock), TTL);
        let watch = NamespaceWatch::new(
            kube::Client::new(service, "default"),
            namespaces.clone(),
            clock,
            TTL,
            health.clone(),
            metrics.clone(),
        );
        tokio::spawn(async move { watch.run().await });
        Self { namespaces, asked, health, metrics, began }
    }

    /// The team of `shop` so long after the beginning; none where it is not known.
    async fn team_at(&self, millis: u64) -> Option<String> {
        sleep_until(self.began + Duration::from_millis(millis)).await;
        match self.namespaces.labels("shop")? {
            Labels::Known(labels) => Some(labels["team"].clone()),
            Labels::Unknown => Some("no namespace".to_owned()),
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn watched(&self) -> String {
        let all = self.metrics.render();
        all.lines().find_map(|line| line.strip_prefix("rolegate_namespaces_watched ")).unwrap().to_owned()
    }
}

fn answer(
    Said(status, text, after): Said,
) -> Response<
    StreamBody<impl futures_util::Stream<Item = Result<Frame<Bytes>, std::io::Error>> + Send + 'static>,
> {
    let first = stream::iter([Ok(Frame::data(Bytes::from(text)))]);
    let rest = stream::once(async move {
        match after {
            After::Ends(wait) => {
                sleep(wait).await;
                Ok(Frame::data(Bytes::new()))
            }
            After::Breaks(wait) => {
                sleep(wait).await;
                Err(std::io::ErrorKind::UnexpectedEof.into())
            }
            After::Hangs => std::future::pending().await,
        }
    });
    let mut answer = Response::new(StreamBody::new(first.chain(rest)));
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
    answer
}

#[tokio::test(start_paused = true)]
async fn events_count_as_they_come_and_each_watch_goes_on_where_the_one_before_ended() {
    let deleted = event("DELETED", &shop("9", "b"));
    let bookmark = event("BOOKMARK", &json!({ "metadata": { "resourceVersion": "7" } }));
    let scene = Scene::new(vec![
        list("1", "a"),
        watch(&event("MODIFIED", &shop("5", "b"))),
        watch(&bookmark),
        Said(200, deleted, After::Hangs),
    ]);
    assert_eq!(scene.team_at(1).await.as_deref(), Some("b"));
    assert_eq!(scene.watched(), "1");
    assert_eq!(scene.team_at(6_001).await.as_deref(), Some("no namespace"));
    let asked = scene.asked();
    assert_eq!(asked[0], "/api/v1/namespaces?limit=64");
    for (asked, version) in asked[1..].iter().zip([1, 5, 7]) {
        let query = format!("watch=true&allowWatchBookmarks=true&timeoutSeconds=3&resourceVersion={version}");
        assert_eq!(*asked, format!("/api/v1/namespaces?{query}"));
    }
    assert_eq!((asked.len(), scene.health.troubles().len()), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_in_order_is_known_up_to_its_beginning_and_nothing_else_is_a_sign_of_life() {
    let early = Said(200, String::new(), After::Ends(WATCH / 2));
    let broken = Said(200, event("MODIFIED", &shop("2", "a")), After::Breaks(WATCH));
    let hanging = Said(200, event("MODIFIED", &shop("2", "a")), After::Hangs);
    let torn = Said(200, "{\"type\":".to_owned(), After::Ends(WATCH));
    let error = watch(&event("ERROR", &json!({ "kind": "Status", "code": 500 })));
    let failure = Said(500, String::new(), After::Ends(Duration::ZERO));
    for (number, bad) in [early, broken, hanging, torn, error, failure].into_iter().enumerate() {
        for whole in 0..3_u32 {
            let watches = (0..whole).map(|_| watch(""));
            let script = [list("1", "a")].into_iter().chain(watches).chain([bad.clone()]);
            let scene = Scene::new(script.collect());
            // The list and the first watch begin at the same moment here.
            let until = u64::from(whole.saturating_sub(1)) * 3_000 + 10_000;
            assert!(scene.team_at(until - 5).await.is_some(), "{number} after {whole}");
            assert_eq!(scene.team_at(until + 5).await, None, "{number} after {whole}");
            sleep(Duration::from_secs(2)).await;
            let troubles = scene.health.troubles();
            assert!(troubles["watch of namespaces"].contains("not watched but asked for"), "{troubles:?}");
            assert_eq!(scene.watched(), "0");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_comes_in_pages_and_counts_when_it_is_whole() {
    let mut first: Value = serde_json::from_str(&list("1", "a").1).unwrap();
    first["metadata"]["continue"] = "a=b&c".into();
    let first = Said(200, first.to_string(), After::Ends(Duration::ZERO));
    let second = json!({ "metadata": { "resourceVersion": "1" } }).to_string();
    let second = Said(200, second, After::Ends(Duration::from_secs(4)));
    let scene = Scene::new(vec![first, second, watch("")]);
    assert_eq!(scene.team_at(3_999).await, None);
    assert_eq!(scene.team_at(4_001).await.as_deref(), Some("a"));
    assert_eq!(scene.asked()[1], "/api/v1/namespaces?limit=64&continue=a%3Db%26c");
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_missing_is_no_trouble_and_a_version_that_is_gone_neither() {
    let refused = Said(403, String::new(), After::Ends(Duration::ZERO));
    let gone = event("ERROR", &json!({ "kind": "Status", "code": 410 }));
    let scene = Scene::new(vec![
        refused.clone(),
        list("1", "a"),
        refused,
        list("2", "b"),
        watch(&gone),
        list("3", "c"),
        Said(200, String::new(), After::Hangs),
    ]);
    assert_eq!(scene.team_at(50).await, None);
    assert_eq!(scene.watched(), "0");
    assert_eq!(scene.team_at(2_000).await.as_deref(), Some("c"));
    assert_eq!((scene.watched(), scene.health.troubles().len()), ("1".to_owned(), 0));
}

#[tokio::test(start_paused = true)]
async fn what_there_is_no_room_for_is_not_kept() {
    let large = "x".repeat(1 << 20);
    let events: Vec<String> =
        (0..20).map(|number| json!({ "metadata": { "name": number.to_string(), "resourceVersion": "2", "labels": { "a": large } } })).map(|object| event("ADDED", &object)).collect();
    // Each in an answer of its own, as large as a line may be.
    let watches = events.iter().map(|event| watch(event));
    let scene = Scene::new([list("1", "a")].into_iter().chain(watches).collect());
    assert_eq!(scene.team_at(44_000).await.as_deref(), Some("a"));
    assert_eq!(scene.team_at(45_500).await, None);
    let troubles = scene.health.troubles();
    assert!(troubles["watch of namespaces"].contains("16 MiB"), "{troubles:?}");
    let asked = scene.asked().len();
    assert_eq!(scene.team_at(344_000).await, None);
    assert_eq!(scene.asked().len(), asked);
}

#[test]
fn two_watches_fit_into_the_age_that_labels_may_have() {
    for (ttl, expected) in [(0, 1), (1, 1), (3, 1), (6, 1), (7, 2), (10, 3), (60, 18), (86_400, 60)] {
        assert_eq!(duration(Duration::from_secs(ttl)), Duration::from_secs(expected), "{ttl}");
    }
    assert_eq!(duration(Duration::MAX), Duration::from_secs(60));
}
