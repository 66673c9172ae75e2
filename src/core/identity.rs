//! What a TokenReview has confirmed, or why it confirmed nothing.

use super::reason::Deny;

/// The service account that the API server confirmed. Made by [`Review`] alone: of an API server's answer, or of a login that had one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VerifiedIdentity {
    // "namespacenameuid" in one allocation: a cache holds a million of these.
    text: Box<str>,
    namespace_end: u32,
    name_end: u32,
}

impl VerifiedIdentity {
    fn new(namespace: &str, name: &str, uid: &str) -> Option<Self> {
        let namespace_end = u32::try_from(namespace.len()).ok()?;
        let name_end = u32::try_from(namespace.len().checked_add(name.len())?).ok()?;
        Some(Self { text: [namespace, name, uid].concat().into_boxed_str(), namespace_end, name_end })
    }

    /// The service account's namespace.
    pub fn namespace(&self) -> &str {
        self.text.get(..self.namespace_end as usize).unwrap_or_default()
    }

    /// The service account's name.
    pub fn name(&self) -> &str {
        self.text.get(self.namespace_end as usize..self.name_end as usize).unwrap_or_default()
    }

    /// The service account's uid.
    pub fn uid(&self) -> &str {
        self.text.get(self.name_end as usize..).unwrap_or_default()
    }
}

impl std::fmt::Debug for VerifiedIdentity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{} ({})", self.namespace(), self.name(), self.uid())
    }
}

/// The parts of `TokenReview.status` that count (Kubernetes `authentication.k8s.io/v1`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReviewStatus {
    /// Whether the token was authenticated.
    pub authenticated: bool,
    /// Why not; any text refuses.
    pub error: String,
    /// `user.username`: `system:serviceaccount:<namespace>:<name>`.
    pub username: String,
    /// `user.uid`.
    pub uid: String,
    /// The audiences that both the request and the token name.
    pub audiences: Vec<String>,
}

/// The API server's word on a token: a fact that may be remembered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Review {
    /// It is this service account's.
    Confirmed(VerifiedIdentity),
    /// It is refused, for this reason.
    Refused(Deny),
}

impl Review {
    /// Reads the API server's answer to a review that asked for `audiences`.
    pub fn of(status: &ReviewStatus, audiences: &[impl AsRef<str>]) -> Self {
        if !status.error.is_empty() || !status.authenticated {
            return Self::Refused(Deny::TokenRefused);
        }
        let confirmed = |asked: &str| status.audiences.iter().any(|audience| audience == asked);
        if !audiences.is_empty() && !audiences.iter().any(|asked| confirmed(asked.as_ref())) {
            return Self::Refused(Deny::AudienceNotConfirmed);
        }
        service_account(&status.username)
            .and_then(|(namespace, name)| VerifiedIdentity::new(namespace, name, &status.uid))
            .map_or(Self::Refused(Deny::IdentityMismatch), Self::Confirmed)
    }
}

impl Review {
    /// The service account, where it is confirmed.
    pub const fn identity(&self) -> Option<&VerifiedIdentity> {
        match self {
            Self::Confirmed(identity) => Some(identity),
            Self::Refused(_) => None,
        }
    }

    /// What a login was confirmed to be, as the store has kept it with the login's client token.
    pub fn of_login(namespace: &str, name: &str, uid: &str) -> Self {
        VerifiedIdentity::new(namespace, name, uid).map_or(Self::Refused(Deny::ClientToken), Self::Confirmed)
    }
}

/// The namespace and name in `system:serviceaccount:<namespace>:<name>`, exactly four parts.
fn service_account(username: &str) -> Option<(&str, &str)> {
    let (namespace, name) = username.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    (!name.contains(':')).then_some((namespace, name))
}

#[cfg(test)]
mod tests {
    use super::{Deny, Review, ReviewStatus};

    fn good() -> ReviewStatus {
        ReviewStatus {
            authenticated: true,
            username: "system:serviceaccount:shop:orders".to_owned(),
            uid: "u-1".to_owned(),
            audiences: vec!["a".to_owned(), "b".to_owned()],
            ..ReviewStatus::default()
        }
    }

    #[test]
    fn a_confirmed_account_keeps_its_three_parts_apart() {
        let Review::Confirmed(identity) = Review::of(&good(), &["b"]) else { panic!("refused") };
        assert_eq!((identity.namespace(), identity.name(), identity.uid()), ("shop", "orders", "u-1"));
    }

    #[test]
    fn every_other_answer_is_refused_with_its_reason() {
        let cases: [(ReviewStatus, &[&str], Deny); 6] = [
            (ReviewStatus { authenticated: false, ..good() }, &["a"], Deny::TokenRefused),
            (ReviewStatus { error: "no".to_owned(), ..good() }, &["a"], Deny::TokenRefused),
            (ReviewStatus { audiences: vec![], ..good() }, &["a"], Deny::AudienceNotConfirmed),
            (good(), &["c"], Deny::AudienceNotConfirmed),
            (ReviewStatus { username: "system:node:x".to_owned(), ..good() }, &["a"], Deny::IdentityMismatch),
            (
                ReviewStatus { username: "system:serviceaccount:a:b:c".to_owned(), ..good() },
                &["a"],
                Deny::IdentityMismatch,
            ),
        ];
        for (status, audiences, deny) in cases {
            assert_eq!(Review::of(&status, audiences), Review::Refused(deny), "{status:?}");
        }
    }
}
