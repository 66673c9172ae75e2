//! What is to be said of one object.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// What rolegate finds of one object; the source of its conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The object.
    pub object: Object,
    /// Whether it is good and holds what it names.
    pub accepted: State,
    /// Whether requests are decided by it.
    pub ready: State,
}

/// Which object, at which generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// `metadata.name`
    pub name: String,
    /// `metadata.uid`
    pub uid: String,
    /// `metadata.generation`
    pub generation: Option<i64>,
}

impl Object {
    pub(super) fn of(kind: Kind, metadata: &ObjectMeta) -> Self {
        Self {
            kind,
            name: metadata.name.clone().unwrap_or_default(),
            uid: metadata.uid.clone().unwrap_or_default(),
            generation: metadata.generation,
        }
    }
}

/// The kinds of `rolegate.dev`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the kinds' own names")]
pub enum Kind {
    GateMount,
    GateRole,
    GatePolicy,
}

/// One condition's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// `True` or `False`.
    pub holds: bool,
    /// In one word.
    pub reason: Reason,
    /// In a sentence; empty where the reason says it all. Never a secret.
    pub message: Cow<'static, str>,
}

impl State {
    pub(super) const fn yes(reason: Reason) -> Self {
        Self { holds: true, reason, message: Cow::Borrowed("") }
    }

    pub(super) fn no(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self { holds: false, reason, message: message.into() }
    }
}

/// The `reason` of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// `Accepted`: good, and holds what it names.
    Accepted,
    /// `Ready`: requests are decided by it.
    InForce,
    /// A field's value is not good.
    Invalid,
    /// An older object holds the path or the name.
    Conflict,
    /// There is no GateMount of that name.
    MountNotFound,
    /// The GateMount does not hold its path.
    MountNotAccepted,
    /// The GateMount is not ready.
    MountNotReady,
    /// There is no `kubernetesHost`.
    NotConfigured,
    /// There is no Secret of that name with the label.
    ReviewerNotFound,
    /// The Secret lacks the label.
    ReviewerNotLabelled,
    /// The Secret has no text under `token`.
    ReviewerWithoutToken,
}

impl Reason {
    /// As it stands in a condition.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::InForce => "InForce",
            Self::Invalid => "Invalid",
            Self::Conflict => "Conflict",
            Self::MountNotFound => "MountNotFound",
            Self::MountNotAccepted => "MountNotAccepted",
            Self::MountNotReady => "MountNotReady",
            Self::NotConfigured => "NotConfigured",
            Self::ReviewerNotFound => "ReviewerNotFound",
            Self::ReviewerNotLabelled => "ReviewerNotLabelled",
            Self::ReviewerWithoutToken => "ReviewerWithoutToken",
        }
    }
}
