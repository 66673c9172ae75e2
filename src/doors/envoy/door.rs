//! One Check from message to message.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use moka::sync::Cache;
use prost::Message as _;

use super::answer::{self, AnswerStyle, IdentityHeaders, Removals, Reply, Template};
use super::request::RequestView;
use super::wire::lean;
use super::{client_address, role_choice, token_source};
use crate::config::EnvoyDoor as Settings;
use crate::core::decision::NoObserver;
use crate::core::identity::{Review, VerifiedIdentity};
use crate::core::reason::{Deny, Undecided};
use crate::core::role::Role;
use crate::core::token::UnverifiedToken;
use crate::gate::{Ask, Decision, Gate, Grant, Outcome};
use crate::ports::{Freshness, Verify};
use crate::record::Recorder;
use crate::record::decision_id::{DecisionId, DecisionIds};
use crate::tokens::Tokens;

/// How many encoded allows are kept; beyond, an answer is encoded anew.
const KEPT_ANSWERS: u64 = 16_384;

/// How the client tokens of the Vault door begin.
const CLIENT_TOKEN_PREFIXES: [&str; 2] = ["hvs.", "hvb."];

/// The message could not be decoded.
#[derive(Debug, thiserror::Error)]
#[error("not a CheckRequest")]
pub struct NotACheckRequest;

/// The Envoy door behind its wire.
#[derive(Debug)]
pub struct EnvoyDoor<V> {
    pub(super) gate: Gate<V>,
    pub(super) settings: Settings,
    style: AnswerStyle,
    removals: Removals,
    denials: Vec<Template>,
    undecided: Vec<Template>,
    // By the addresses of review and role, which the value keeps alive so that they mean nothing else.
    allows: Cache<(usize, usize), Arc<KeptAllow>>,
    ids: DecisionIds,
    recorder: Recorder,
    // None: client tokens are not taken.
    pub(super) client_tokens: Option<Arc<Tokens>>,
    pub(super) identities: Cache<VerifiedIdentity, Arc<Review>>,
}

impl<V: Verify> EnvoyDoor<V> {
    /// A door with these settings in front of a gate.
    pub fn new(settings: Settings, gate: Gate<V>, ids: DecisionIds, recorder: Recorder) -> Self {
        let style = AnswerStyle {
            headers: IdentityHeaders::new(settings.identity_header_prefix.as_ref()),
            undecided: settings.undecided,
        };
        Self {
            removals: Removals::always(&settings.token_sources, settings.keep_token),
            denials: Deny::ALL.iter().map(|deny| Template::of(&style, Reply::Deny(*deny))).collect(),
            undecided: Undecided::ALL
                .iter()
                .map(|undecided| Template::of(&style, Reply::Undecided(*undecided)))
                .collect(),
            allows: Cache::new(KEPT_ANSWERS),
            gate,
            settings,
            style,
            ids,
            recorder,
            client_tokens: None,
            identities: Cache::new(KEPT_ANSWERS),
        }
    }

    /// The same, and takes the client tokens of logins, unless its settings say that it does not.
    #[must_use]
    pub fn with_client_tokens(mut self, tokens: Arc<Tokens>) -> Self {
        self.client_tokens = self.settings.client_tokens.then_some(tokens);
        self
    }

    /// Decides over one encoded CheckRequest and gives the gRPC frame that answers it, by `deadline` at the latest.
    ///
    /// # Errors
    /// Where the message is no CheckRequest.
    pub async fn check(&self, message: Bytes, deadline: Option<Instant>) -> Result<Bytes, NotACheckRequest> {
        let started = Instant::now();
        let request = lean::CheckRequest::decode(message).map_err(|_| NotACheckRequest)?;
        let view = RequestView::new(&request);
        let decision = self.decide(view, deadline).await;
        Ok(self.answer(Some(view), &decision, started))
    }

    /// The answer to a request that is not looked at, since it came too slowly or there is no memory for it.
    pub fn undecided(&self, undecided: Undecided) -> Bytes {
        let decision = Decision::new(None, Outcome::Undecided(undecided));
        self.answer(None, &decision, Instant::now())
    }

    /// The answer to a request that is not looked at, since it is too large.
    pub fn denied(&self, deny: Deny) -> Bytes {
        let decision = Decision { mount: None, outcome: Outcome::Deny(deny) };
        self.answer(None, &decision, Instant::now())
    }

    async fn decide(&self, view: RequestView<'_>, deadline: Option<Instant>) -> Decision {
        let refused = |deny| Decision::new(None, Outcome::Deny(deny));
        let token = match token_source::find(view, &self.settings.token_sources) {
            Ok(token) if CLIENT_TOKEN_PREFIXES.iter().any(|prefix| token.starts_with(prefix)) => {
                let decided = self.by_client_token(view, token);
                let Some(at) = deadline else { return decided.await };
                return tokio::time::timeout_at(at.into(), decided).await.unwrap_or_else(|_| late());
            }
            Ok(token) => UnverifiedToken::parse(token),
            Err(deny) => Err(deny),
        };
        if let Err(deny) = token {
            return refused(deny);
        }
        let choice = match role_choice::choose(view, &self.settings.routes, &self.settings.default) {
            Ok(choice) => choice,
            Err(deny) => return refused(deny),
        };
        let ask = Ask {
            mount: choice.mount,
            roles: &choice.roles,
            token: &token,
            peer: client_address::find(view, self.settings.client_address),
            default_audience: self.settings.audience.as_deref(),
            freshness: Freshness::Cached,
            deadline,
        };
        let mut observer = NoObserver;
        let asked = self.gate.ask(&ask, &mut observer);
        let Some(at) = deadline else { return asked.await };
        // The verifier keeps the deadline, too, and its answer comes first.
        tokio::time::timeout_at(at.into(), asked).await.unwrap_or_else(|_| late())
    }

    fn answer(&self, view: Option<RequestView<'_>>, decision: &Decision, started: Instant) -> Bytes {
        let id = self.ids.next();
        self.recorder.record("envoy", &id, decision, started.elapsed(), || self.roles_asked(view));
        match &decision.outcome {
            Outcome::Allow(grant) => {
                let own = view.and_then(|view| {
                    self.removals.of_request(
                        view,
                        &self.style.headers,
                        &self.settings.token_sources,
                        self.settings.keep_token,
                    )
                });
                match own {
                    Some(own) => self.encoded(Reply::Allow(grant, &own), &id),
                    None => self.kept_allow(grant).template.fill(&id),
                }
            }
            Outcome::Deny(deny) => match self.denials.get(*deny as usize) {
                Some(kept) => kept.fill(&id),
                None => self.encoded(Reply::Deny(*deny), &id),
            },
            Outcome::Undecided(undecided) => match self.undecided.get(*undecided as usize) {
                Some(kept) => kept.fill(&id),
                None => self.encoded(Reply::Undecided(*undecided), &id),
            },
        }
    }

    fn encoded(&self, reply: Reply<'_>, id: &DecisionId) -> Bytes {
        answer::frame(&self.style, reply, std::str::from_utf8(id).unwrap_or_default()).into()
    }

    /// The roles that a request asks for, as its record shows them.
    fn roles_asked(&self, view: Option<RequestView<'_>>) -> String {
        let choice =
            view.map(|view| role_choice::choose(view, &self.settings.routes, &self.settings.default));
        choice.and_then(Result::ok).map_or_else(String::new, |choice| choice.roles.join(","))
    }

    /// The encoded allow of a grant whose request loses nothing of its own.
    fn kept_allow(&self, grant: &Grant) -> Arc<KeptAllow> {
        let key = (Arc::as_ptr(grant.review()).addr(), Arc::as_ptr(grant.role()).addr());
        self.allows.get(&key).unwrap_or_else(|| {
            let template = Template::of(&self.style, Reply::Allow(grant, &self.removals));
            let _alive = (Arc::clone(grant.review()), Arc::clone(grant.role()));
            let kept = Arc::new(KeptAllow { template, _alive });
            self.allows.insert(key, Arc::clone(&kept));
            kept
        })
    }
}

fn late() -> Decision {
    Decision::new(None, Outcome::Undecided(Undecided::Deadline))
}

/// An encoded allow, and what its key points to. Not the mount: that would keep all roles of an old snapshot.
#[derive(Debug)]
struct KeptAllow {
    template: Template,
    _alive: (Arc<Review>, Arc<Role>),
}
