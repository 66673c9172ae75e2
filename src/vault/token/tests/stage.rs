//! Token paths over a small store, asked as a holder asks.

use std::sync::Mutex;

use serde_json::{Map, Value};

use crate::core::client_token::Login;
use crate::core::client_token::lease::LeaseTerms;
use crate::core::secret::Secret;
use crate::tokens::tests::house::House;
use crate::tokens::{Issued, NewToken, Used};
use crate::vault::outcome::{Answer, Auth, Class, Outcome, Refusal};
use crate::vault::request::Operation;
use crate::vault::token::{Caller, Policies, RenewLogin, TokenPaths};

pub(crate) const HOUR: i64 = 3600;

/// What every login's role says, as a test sets it.
#[derive(Debug)]
pub(super) struct Role(pub(super) Mutex<Result<LeaseTerms, Refusal>>);

impl RenewLogin for Role {
    fn terms(&self, _login: &Login, _confirmed: i64) -> Result<LeaseTerms, Refusal> {
        self.0.lock().unwrap().clone()
    }
}

/// `known` is the one policy.
struct Known;

impl Policies for Known {
    fn policy_exists(&self, name: &str) -> bool {
        name == "known"
    }
}

pub(super) struct Stage {
    pub(super) house: House,
    pub(super) role: Role,
}

impl Stage {
    /// With the root token `root`, and a role that gives an hour and ten at most.
    pub(super) async fn new() -> Self {
        let house = House::new();
        house.tokens.ensure_root(&Secret::from("root".to_owned())).await.unwrap();
        let terms = LeaseTerms { ttl: HOUR, max_ttl: 10 * HOUR, ..LeaseTerms::default() };
        Self { house, role: Role(Mutex::new(Ok(terms))) }
    }

    /// A use of this token; none where it is not good.
    pub(super) async fn used(&self, token: &str) -> Option<Used> {
        self.house.tokens.use_once(token).await.unwrap()
    }

    /// What a request of this token's holder to `auth/token/<path>` comes to. `sudo` is root's.
    pub(super) async fn ask(&self, token: &str, operation: Operation, path: &str, data: Value) -> Outcome {
        self.ask_as(token, token == "root", operation, path, data).await
    }

    pub(super) async fn ask_as(
        &self,
        token: &str,
        is_sudo: bool,
        operation: Operation,
        path: &str,
        data: Value,
    ) -> Outcome {
        let data = match data {
            Value::Object(data) => data,
            _ => Map::new(),
        };
        let used = self.used(token).await.expect("a good token");
        let secret = Secret::from(token.to_owned());
        let caller = Caller { token: &secret, used: &used, is_sudo };
        let paths = TokenPaths { tokens: &self.house.tokens, logins: &self.role, policies: &Known };
        let outcome = paths.handle(caller, operation, path, &data).await;
        self.house.tokens.finish(&used).await.unwrap();
        outcome
    }

    pub(super) async fn write(&self, token: &str, path: &str, data: Value) -> Outcome {
        self.ask(token, Operation::Write, path, data).await
    }

    /// A token of this kind, and its text.
    pub(super) async fn issue(&self, new: NewToken) -> (String, Issued) {
        let issued = self.house.issue(new).await;
        (issued.token.expose().to_owned(), issued)
    }
}

pub(super) fn done(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Done(answer) => answer,
        Outcome::Refused(refusal) => panic!("{refusal:?}"),
    }
}

pub(super) fn auth(outcome: Outcome) -> (Auth, Vec<String>) {
    let answer = done(outcome);
    (*answer.auth.expect("an auth"), answer.warnings)
}

pub(super) fn data(outcome: Outcome) -> Value {
    Value::Object(done(outcome).data.expect("data"))
}

/// The class and the one text of a refusal.
pub(super) fn refused(outcome: Outcome) -> (Class, String) {
    match outcome {
        Outcome::Refused(refusal) => (refusal.class, refusal.texts().concat()),
        Outcome::Done(answer) => panic!("{answer:?}"),
    }
}

pub(super) fn listed(text: &str) -> String {
    format!("1 error occurred:\n\t* {text}\n\n")
}
