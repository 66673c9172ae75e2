//! Why a request was not allowed: each cause named once, for response, log, metric and `explain`.

/// The request is refused: what the token, the route or the API server says rules it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deny {
    /// No configured source holds a token.
    NoToken,
    /// Not a compact JWS of at most 256 KiB with one JSON object each as header and payload.
    MalformedToken,
    /// The first source that is present holds more than one token.
    AmbiguousToken,
    /// Neither the route nor the configuration names a role.
    NoRole,
    /// No mount has this path.
    UnknownMount,
    /// The mount has no role of this name.
    UnknownRole,
    /// The mount has no usable configuration.
    NotConfigured,
    /// The path can be read in more than one way, so the table of routes is not asked.
    AmbiguousPath,
    /// `alg` is not one of RS, PS and ES 256, 384 and 512.
    Algorithm,
    /// The token's signature segment is empty.
    NotSigned,
    /// None of the mount's `pem_keys` made the signature, or, at the Envoy door, not the published key that the token names.
    Signature,
    /// `iss` is not the mount's issuer.
    Issuer,
    /// `aud` does not hold the audience that is asked for.
    Audience,
    /// `nbf` lies in the future.
    NotYetValid,
    /// `exp` has passed.
    Expired,
    /// `iat` lies in the future.
    IssuedInTheFuture,
    /// A claim has the wrong type, or a key differs from a known one only by case.
    Claims,
    /// The claims have no uid, which the role's alias needs.
    ClaimsWithoutUid,
    /// The claims lack the namespace or the name, which the role's alias needs.
    ClaimsWithoutName,
    /// The role does not bind the service account's name.
    ServiceAccountName,
    /// The role does not bind the service account's namespace.
    Namespace,
    /// The role's `token_bound_cidrs` do not hold the peer's address, or the address is not known.
    PeerAddress,
    /// The API server does not authenticate the token.
    TokenRefused,
    /// The API server names another identity than the token's claims, or none of a service account.
    IdentityMismatch,
    /// The API server confirms none of the audiences that it was asked for.
    AudienceNotConfirmed,
    /// A client token of the Vault door that does not fit the route.
    ClientToken,
    /// A client token of the Vault door whose service account is known to be gone.
    AccountGone,
    /// The CheckRequest is longer than `envoy.max_message_bytes`.
    TooLarge,
    /// The route names more roles than [`MAX_ROLES`](crate::core::role::MAX_ROLES).
    TooManyRoles,
}

/// Nobody can tell: never allowed, never remembered, worth a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Undecided {
    /// No mounts and roles have been loaded yet.
    NotLoaded,
    /// No connection to the API server could be made (refused, no route, no such name, TLS refused), although the
    /// question had its whole time-out left.
    ApiServerUnreachable,
    /// The API server took the question, or a packet of it, and gave no whole answer: a time-out, a reset.
    ApiServerNoAnswer,
    /// The API server gave an answer that is no review.
    ApiServerError,
    /// The API server refuses the reviewer's own credentials.
    ReviewerRefused,
    /// Too many reviews wait already.
    Overloaded,
    /// The caller's own deadline ran out.
    Deadline,
    /// The store of client tokens does not answer.
    StoreUnavailable,
}

/// How a denial reads in HTTP's terms (RFC 6750 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenyClass {
    /// 401 and a challenge without an error code.
    NoCredentials,
    /// 401, `error="invalid_token"`.
    InvalidToken,
    /// 403, `error="insufficient_scope"`.
    InsufficientScope,
    /// 413, no challenge: another credential would not help (RFC 9110 section 15.5.14).
    ContentTooLarge,
}

impl Deny {
    /// Every cause, for tables that are built once.
    pub const ALL: [Self; 29] = [
        Self::NoToken,
        Self::MalformedToken,
        Self::AmbiguousToken,
        Self::NoRole,
        Self::UnknownMount,
        Self::UnknownRole,
        Self::NotConfigured,
        Self::AmbiguousPath,
        Self::Algorithm,
        Self::NotSigned,
        Self::Signature,
        Self::Issuer,
        Self::Audience,
        Self::NotYetValid,
        Self::Expired,
        Self::IssuedInTheFuture,
        Self::Claims,
        Self::ClaimsWithoutUid,
        Self::ClaimsWithoutName,
        Self::ServiceAccountName,
        Self::Namespace,
        Self::PeerAddress,
        Self::TokenRefused,
        Self::IdentityMismatch,
        Self::AudienceNotConfirmed,
        Self::ClientToken,
        Self::AccountGone,
        Self::TooLarge,
        Self::TooManyRoles,
    ];

    /// The name in headers, logs and metrics. Two causes that differ only in their sentence share one.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::MalformedToken => "malformed_token",
            Self::AmbiguousToken => "ambiguous_token",
            Self::NoRole => "no_role",
            Self::UnknownMount => "unknown_mount",
            Self::UnknownRole => "unknown_role",
            Self::NotConfigured => "not_configured",
            Self::AmbiguousPath => "ambiguous_path",
            Self::Algorithm | Self::NotSigned => "algorithm",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::IssuedInTheFuture => "issued_in_the_future",
            Self::Claims | Self::ClaimsWithoutUid | Self::ClaimsWithoutName => "claims",
            Self::ServiceAccountName => "service_account_name",
            Self::Namespace => "namespace",
            Self::PeerAddress => "peer_address",
            Self::TokenRefused => "token_refused",
            Self::IdentityMismatch => "identity_mismatch",
            Self::AudienceNotConfirmed => "audience_not_confirmed",
            Self::ClientToken | Self::AccountGone => "client_token",
            Self::TooLarge => "too_large",
            Self::TooManyRoles => "too_many_roles",
        }
    }

    /// The one sentence that the caller is told: Vault's where Vault has one.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoToken => "missing jwt",
            Self::AmbiguousToken => "more than one token in the request",
            Self::NoRole => "missing role",
            Self::UnknownMount => "no handler for route. route entry not found.",
            Self::UnknownRole => "invalid role name",
            Self::NotConfigured => "could not load backend configuration",
            Self::AmbiguousPath => "the path can be read in more than one way",
            Self::NotSigned => "invalid algorithm (alg) header parameter: token must be signed",
            Self::Issuer => "invalid issuer (iss) claim",
            Self::Audience => {
                "invalid audience (aud) claim: audience claim does not match any expected audience"
            }
            Self::NotYetValid => "invalid not before (nbf) claim: token not yet valid",
            Self::Expired => "invalid expiration time (exp) claim: token is expired",
            Self::IssuedInTheFuture => "invalid issued at (iat) claim: token issued in the future",
            Self::Claims => "the claims are not those of a service account token",
            Self::ClaimsWithoutUid => "could not parse UID from claims",
            Self::ClaimsWithoutName => "service account namespace and name must be set",
            Self::ServiceAccountName => "service account name not authorized",
            Self::Namespace => "namespace not authorized",
            Self::AccountGone => "service account no longer exists",
            Self::TooLarge => "the request is too large to be checked",
            Self::TooManyRoles => "the route names more than 8 roles",
            Self::MalformedToken
            | Self::Algorithm
            | Self::Signature
            | Self::PeerAddress
            | Self::TokenRefused
            | Self::IdentityMismatch
            | Self::AudienceNotConfirmed
            | Self::ClientToken => "permission denied",
        }
    }

    /// What the answer's status and challenge say.
    pub const fn class(self) -> DenyClass {
        match self {
            Self::NoToken => DenyClass::NoCredentials,
            Self::NoRole
            | Self::UnknownMount
            | Self::UnknownRole
            | Self::NotConfigured
            | Self::AmbiguousPath
            | Self::ServiceAccountName
            | Self::Namespace
            | Self::PeerAddress
            | Self::TooManyRoles => DenyClass::InsufficientScope,
            Self::TooLarge => DenyClass::ContentTooLarge,
            Self::MalformedToken
            | Self::AmbiguousToken
            | Self::Algorithm
            | Self::NotSigned
            | Self::Signature
            | Self::Issuer
            | Self::Audience
            | Self::NotYetValid
            | Self::Expired
            | Self::IssuedInTheFuture
            | Self::Claims
            | Self::ClaimsWithoutUid
            | Self::ClaimsWithoutName
            | Self::TokenRefused
            | Self::IdentityMismatch
            | Self::AudienceNotConfirmed
            | Self::ClientToken
            | Self::AccountGone => DenyClass::InvalidToken,
        }
    }
}

impl Undecided {
    /// Every cause, for tables that are built once.
    pub const ALL: [Self; 8] = [
        Self::NotLoaded,
        Self::ApiServerUnreachable,
        Self::ApiServerNoAnswer,
        Self::ApiServerError,
        Self::ReviewerRefused,
        Self::Overloaded,
        Self::Deadline,
        Self::StoreUnavailable,
    ];

    /// The name in headers, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotLoaded => "not_loaded",
            Self::ApiServerUnreachable | Self::ApiServerNoAnswer => "api_server_unreachable",
            Self::ApiServerError => "api_server_error",
            Self::ReviewerRefused => "reviewer_refused",
            Self::Overloaded => "overloaded",
            Self::Deadline => "deadline",
            Self::StoreUnavailable => "store_unavailable",
        }
    }

    /// The one sentence that the caller is told.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NotLoaded => "mounts and roles are not loaded yet, try again",
            Self::ApiServerUnreachable | Self::ApiServerNoAnswer => {
                "the Kubernetes API server does not answer, try again"
            }
            Self::ApiServerError => "the Kubernetes API server gives no usable answer, try again",
            Self::ReviewerRefused => "the Kubernetes API server refuses the token reviewer, try again",
            Self::Overloaded => "too many token reviews are waiting, try again",
            Self::StoreUnavailable => "the store of client tokens does not answer, try again",
            Self::Deadline => "the token could not be reviewed in time, try again",
        }
    }

    /// Whether it may leave as `error_response`, which Envoy's `failure_mode_allow` lets through: only where strangers
    /// cannot bring it about.
    pub const fn may_open(self) -> bool {
        matches!(self, Self::NotLoaded | Self::ApiServerUnreachable | Self::ReviewerRefused)
    }
}
