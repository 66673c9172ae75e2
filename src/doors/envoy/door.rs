//! One Check from message to message.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use moka::sync::Cache;
use prost::Message as _;

use super::answer::{AnswerStyle, BodyForm, IdentityHeaders, KeptAnswers, RemovalRules, Removals};
use super::request::RequestView;
use super::role_choice::RoleChoice;
use super::wire::lean;
use super::{client_address, refusal, role_choice, token_source};
use crate::config::EnvoyDoor as Settings;
use crate::core::decision::NoObserver;
use crate::core::identity::{Review, VerifiedIdentity};
use crate::core::reason::{Deny, Undecided};
use crate::core::token::UnverifiedToken;
use crate::gate::{Ask, Decision, Gate, Outcome};
use crate::ports::{Caller, Door, Freshness, Origin, Verify};
use crate::record::Recorder;
use crate::record::decision_id::DecisionIds;
use crate::tokens::Tokens;

/// For how many accounts that came with a client token one review each is kept, so that encoded answers are found again.
const KEPT_IDENTITIES: u64 = 16_384;

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
    rules: RemovalRules,
    answers: KeptAnswers,
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
        let rules = RemovalRules::new(&settings.token_sources, settings.keep_token);
        Self {
            answers: KeptAnswers::new(style, rules.always()),
            rules,
            gate,
            settings,
            ids,
            recorder,
            client_tokens: None,
            identities: Cache::new(KEPT_IDENTITIES),
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
        let (decision, own) = match self.read(view) {
            Ok(Read { credential, choice, own }) => {
                (self.decide(view, &credential, &choice, deadline).await, own)
            }
            Err(refused) => (refused, None),
        };
        Ok(self.answer(Some(view), &decision, own.as_ref(), started))
    }

    /// The answer to a request that is not looked at, since it came too slowly or there is no memory for it.
    pub fn undecided(&self, undecided: Undecided) -> Bytes {
        let decision = Decision::new(None, Outcome::Undecided(undecided));
        self.answer(None, &decision, None, Instant::now())
    }

    /// The answer to a request that is not looked at, since it is too large.
    pub fn denied(&self, deny: Deny) -> Bytes {
        let decision = Decision::new(None, Outcome::Deny(deny));
        self.answer(None, &decision, None, Instant::now())
    }

    /// Reads what the decision is about.
    ///
    /// # Errors
    /// The denial, where there is no one token, no role, or where the token cannot be taken out of the request.
    fn read<'a>(&'a self, view: RequestView<'a>) -> Result<Read<'a>, Decision> {
        let sources = &self.settings.token_sources;
        let found = token_source::find(view, sources).map_err(|none| refusal::no_token(none, sources))?;
        let credential = if CLIENT_TOKEN_PREFIXES.iter().any(|prefix| found.token.starts_with(prefix)) {
            Credential::ClientToken(found.token)
        } else {
            let parsed = UnverifiedToken::parse(found.token);
            Credential::Account(Ok(parsed.map_err(|deny| refusal::unreadable(deny, found.source))?))
        };
        let own = self.rules.of_request(view, &self.answers.style().headers);
        let own = own.map_err(refusal::unreturnable)?;
        let choice = role_choice::choose(view, &self.settings.routes, &self.settings.default);
        let choice = choice.map_err(|deny| Decision::new(None, Outcome::Deny(deny)))?;
        Ok(Read { credential, choice, own })
    }

    async fn decide(
        &self,
        view: RequestView<'_>,
        credential: &Credential<'_>,
        choice: &RoleChoice<'_>,
        deadline: Option<Instant>,
    ) -> Decision {
        let token = match credential {
            Credential::Account(token) => token,
            Credential::ClientToken(token) => {
                let decided = self.by_client_token(view, token, choice);
                let Some(at) = deadline else { return decided.await };
                let decided = tokio::time::timeout_at(at.into(), decided).await;
                return decided.unwrap_or_else(|_| refusal::late(None));
            }
        };
        let client = client_address::find(view, self.settings.client_address);
        let origin = Origin { door: Door::Envoy, client, connection: view.source_connection() };
        let ask = Ask {
            mount: choice.mount,
            roles: &choice.roles,
            token,
            peer: client,
            default_audience: self.settings.audience.as_deref(),
            freshness: Freshness::Cached,
            caller: Caller::begin(origin, deadline),
        };
        let mut observer = NoObserver;
        let asked = self.gate.ask(&ask, &mut observer);
        let Some(at) = deadline else { return asked.await };
        // The verifier keeps the deadline, too, and its answer comes first.
        let asked = tokio::time::timeout_at(at.into(), asked).await;
        asked.unwrap_or_else(|_| refusal::late(token.as_ref().ok()))
    }

    fn answer(
        &self,
        view: Option<RequestView<'_>>,
        decision: &Decision,
        own: Option<&Removals>,
        started: Instant,
    ) -> Bytes {
        let id = self.ids.next();
        self.recorder.record("envoy", &id, decision, started.elapsed(), || self.roles_asked(view));
        let form = || view.map_or(BodyForm::Json, BodyForm::for_request);
        match &decision.outcome {
            Outcome::Allow(grant) => self.answers.allow(grant, own, &id),
            Outcome::Deny(deny) => self.answers.deny(*deny, form(), &id),
            Outcome::Undecided(undecided) => self.answers.undecided(*undecided, form(), &id),
        }
    }

    /// The roles that a request asks for, as its record shows them.
    fn roles_asked(&self, view: Option<RequestView<'_>>) -> String {
        let choice =
            view.map(|view| role_choice::choose(view, &self.settings.routes, &self.settings.default));
        choice.and_then(Result::ok).map_or_else(String::new, |choice| choice.roles.join(","))
    }
}

/// What a request was read as.
#[derive(Debug)]
struct Read<'a> {
    credential: Credential<'a>,
    choice: RoleChoice<'a>,
    /// What the request loses, where that is not what every request loses.
    own: Option<Removals>,
}

/// What the caller shows. An account's token has been read; the gate takes it with its error.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one, and it is not kept")]
enum Credential<'a> {
    Account(Result<UnverifiedToken<'a>, Deny>),
    ClientToken(&'a str),
}
