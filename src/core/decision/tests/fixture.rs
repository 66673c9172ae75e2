//! A case in which everything is right, to be spoilt by the tests.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Value, json};

use crate::core::decision::{Case, Checks, Evidence, Needs, Verdict, decide, demanded_audience};
use crate::core::identity::{Review, ReviewStatus};
use crate::core::jwks::LocalSignature;
use crate::core::mount::{Mount, MountAbout, MountConfig};
use crate::core::reason::{Deny, Undecided};
use crate::core::role::{AliasNameSource, LabelSelector, OldNames, Role, TokenParameters};
use crate::core::token::UnverifiedToken;

pub(super) const NOW: i64 = 1_700_000_000;

/// What `decide` gave, with nothing borrowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// `namespace/name (uid)`
    Allow(String),
    Deny(Deny),
    Undecided(Undecided),
    Needs(String),
}

impl Answer {
    pub(super) fn needs(needs: Needs<'_>) -> Self {
        Self::Needs(format!("{needs:?}"))
    }

    pub(super) const fn is_allow(&self) -> bool {
        matches!(self, Self::Allow(_))
    }
}

/// All that a decision depends on, in a form that is easily changed.
#[derive(Debug, Clone)]
pub(super) struct Fixture {
    pub(super) config: Option<MountConfig>,
    pub(super) role: Role,
    pub(super) header: Value,
    pub(super) payload: Value,
    pub(super) signature: &'static str,
    /// Instead of a token made from the three above.
    pub(super) text: Option<String>,
    /// Instead of a token at all.
    pub(super) unread: Option<Deny>,
    pub(super) peer: Option<IpAddr>,
    pub(super) default_audience: Option<String>,
    pub(super) now: i64,
    pub(super) signed: Option<bool>,
    pub(super) published: Option<LocalSignature>,
    pub(super) status: Option<Result<ReviewStatus, Undecided>>,
    pub(super) selected: Option<Result<bool, Undecided>>,
}

impl Default for Fixture {
    fn default() -> Self {
        let config = MountConfig {
            kubernetes_host: "https://kubernetes.default.svc".to_owned(),
            kubernetes_ca_cert: String::new(),
            token_reviewer_jwt: None,
            pem_keys: vec!["key".to_owned()],
            issuer: "issuer".to_owned(),
            disable_iss_validation: false,
            disable_local_ca_jwt: true,
            use_annotations_as_alias_metadata: false,
        };
        let role = Role {
            name: "orders".to_owned(),
            bound_service_account_names: vec!["orders".to_owned()],
            bound_service_account_namespaces: vec!["shop".to_owned()],
            bound_service_account_namespace_selector: None,
            audience: "api".to_owned(),
            alias_name_source: AliasNameSource::Uid,
            token: TokenParameters::default(),
            old_names: OldNames::default(),
        };
        let status = ReviewStatus {
            authenticated: true,
            error: String::new(),
            username: "system:serviceaccount:shop:orders".to_owned(),
            uid: "u-1".to_owned(),
            audiences: vec!["api".to_owned()],
        };
        Self {
            config: Some(config),
            role,
            header: json!({"alg": "ES256"}),
            payload: json!({
                "iss": "issuer", "aud": ["api"], "exp": NOW + 600, "nbf": NOW, "iat": NOW,
                "kubernetes.io": {"namespace": "shop", "serviceaccount": {"name": "orders", "uid": "u-1"}},
            }),
            signature: "c2ln",
            text: None,
            unread: None,
            peer: Some([10, 1, 2, 3].into()),
            default_audience: None,
            now: NOW,
            signed: Some(true),
            published: Some(LocalSignature::Unknown),
            status: Some(Ok(status)),
            selected: Some(Ok(true)),
        }
    }
}

impl Fixture {
    /// Decides, and shows the checks.
    pub(super) fn decide(&self) -> (Answer, Checks) {
        let mount = Mount {
            config: self.config.clone().map(Arc::new),
            ..Mount::new("kubernetes", 1, MountAbout::of_path("kubernetes"))
        };
        let text = self.token();
        let token = self.unread.map_or_else(|| UnverifiedToken::parse(&text), Err);
        let default_audience = self.default_audience.as_deref();
        let asked: Vec<&str> = match (demanded_audience(&self.role, default_audience), &token) {
            (Some(demanded), _) => vec![demanded],
            (None, Ok(token)) => token.claims.audiences.iter().map(String::as_str).collect(),
            (None, Err(_)) => Vec::new(),
        };
        let review = self.status.as_ref().map(|status| match status {
            Ok(status) => Ok(Review::of(status, &asked)),
            Err(undecided) => Err(*undecided),
        });
        let case = Case { mount: &mount, token: &token, peer: self.peer, default_audience, now: self.now };
        let evidence = Evidence {
            signed: self.signed,
            published: self.published,
            review: review.as_ref().map(|review| review.as_ref().map_err(|undecided| *undecided)),
            selected: self.selected,
            labels: None,
        };
        let mut checks = Checks::new();
        let answer = match decide(&case, &self.role, &evidence, &mut checks) {
            Ok(Verdict::Allow(identity)) => Answer::Allow(format!("{identity:?}")),
            Ok(Verdict::Deny(deny)) => Answer::Deny(deny),
            Ok(Verdict::Undecided(undecided)) => Answer::Undecided(undecided),
            Err(needs) => Answer::needs(needs),
        };
        (answer, checks)
    }

    /// The token that the caller presents.
    pub(super) fn token(&self) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        self.text
            .clone()
            .unwrap_or_else(|| format!("{}.{}.{}", part(&self.header), part(&self.payload), self.signature))
    }

    /// The mount has no keys, so that the review alone is the proof.
    pub(super) fn without_keys(&mut self) {
        if let Some(config) = &mut self.config {
            config.pem_keys.clear();
        }
    }

    /// Changes what the API server says.
    pub(super) fn reviewed(&mut self, change: impl FnOnce(&mut ReviewStatus)) {
        self.status = Self::default().status;
        if let Some(Ok(status)) = &mut self.status {
            change(status);
        }
    }

    /// The namespace is admitted by its labels, and by no glob.
    pub(super) fn by_labels(&mut self) {
        self.role.bound_service_account_namespaces.clear();
        self.role.bound_service_account_namespace_selector =
            Some(LabelSelector::new(BTreeMap::new(), Vec::new()));
    }
}
