//! A verifier, a mount, and an API server that publishes keys.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use rolegate::core::jwks::LocalSignature;
use rolegate::core::mount::{Mount, Snapshot};
use rolegate::core::token::UnverifiedToken;
use rolegate::ports::Verify;
use serde_json::{Value, json};

use crate::api_server::{ApiServer, confirmed, json_answer};
use crate::house::{House, mount};
use crate::support::eventually;

/// How long keys may deny, by default.
pub(super) const TTL: Duration = Duration::from_secs(300);

pub(super) struct Bench {
    pub(super) house: House,
    pub(super) server: ApiServer,
    mount: Arc<Mount>,
    answer: Answer,
}

/// What the server answers for its keys at the moment; none drops the connection.
type Answer = Arc<Mutex<Box<dyn Fn() -> Option<Response<Bytes>> + Send>>>;

impl Bench {
    /// The server publishes these keys.
    pub(super) async fn publishing(keys: Vec<Value>) -> Self {
        Self::answering(set_of(keys)).await
    }

    /// The server answers so for its keys.
    pub(super) async fn answering(answer: impl Fn() -> Response<Bytes> + Send + 'static) -> Self {
        let answer: Answer = Arc::new(Mutex::new(Box::new(move || Some(answer()))));
        let now = Arc::clone(&answer);
        let server = ApiServer::start(move |asked| match asked.path.as_str() {
            "/openid/v1/jwks" => now.lock().unwrap()(),
            _ => Some(confirmed(asked)),
        })
        .await;
        let mount = mount(&server.url());
        Self { answer, ..Self::with(House::new(), server, mount) }
    }

    pub(super) fn with(house: House, server: ApiServer, mount: Arc<Mount>) -> Self {
        Self { house, server, mount, answer: Arc::new(Mutex::new(Box::new(|| None))) }
    }

    /// From now on the server answers so.
    pub(super) fn change(&self, answer: impl Fn() -> Option<Response<Bytes>> + Send + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }

    /// Shows the verifier a set of mounts with the one in it.
    pub(super) fn show(&self) {
        let mounts = [(self.mount.path.as_ref().into(), Arc::clone(&self.mount))].into();
        self.house.verifier.keep_only(&Snapshot { mounts, ..Snapshot::default() });
    }

    /// The same, and waits for what comes of the reading.
    pub(super) async fn load(&self) {
        self.show();
        self.settled().await;
    }

    /// Waits until no reading is under way.
    pub(super) async fn settled(&self) {
        let verifier = self.house.verifier.clone();
        crate::support::within("the readings", verifier.finished()).await;
    }

    /// What the keys say of a token.
    pub(super) fn said(&self, token: &str) -> LocalSignature {
        let token = UnverifiedToken::parse(token).unwrap();
        self.house.verifier.local_signature(&self.mount, &token)
    }

    /// What readiness says of the keys.
    pub(super) fn trouble(&self) -> Option<String> {
        self.house.health.details().remove("mount kubernetes local keys")
    }

    /// What the metric says came of the last reading.
    pub(super) fn outcome(&self) -> Option<&'static str> {
        let text = self.house.metrics.render();
        let line = |result: &str| format!(r#"rolegate_local_keys{{mount="kubernetes",result="{result}"}} 1"#);
        let all: Vec<_> = ["read", "unusable", "no_answer", "no_reviewer"]
            .into_iter()
            .filter(|result| text.lines().any(|told| told == line(result)))
            .collect();
        assert!(all.len() < 2, "{all:?}");
        assert_eq!(text.contains("rolegate_local_keys{"), !all.is_empty(), "{text}");
        all.first().copied()
    }

    /// Waits until the server was asked for its keys so many times, and the answers were taken.
    pub(super) async fn read_times(&self, times: usize) {
        eventually(format_args!("{times} readings"), async || {
            (self.server.asked().len() >= times).then_some(())
        })
        .await;
        self.settled().await;
        assert_eq!(self.server.asked().len(), times);
    }
}

/// The answer with these keys.
pub(super) fn set_of(keys: Vec<Value>) -> impl Fn() -> Response<Bytes> + Send + 'static {
    move || json_answer(200, &json!({ "keys": keys }))
}

/// The token with one bit of its signature changed.
pub(super) fn forged(token: &str) -> String {
    let (head, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{head}.{first}{}", signature.get(1..).unwrap())
}
