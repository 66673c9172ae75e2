//! The token that a granted login gets.

use super::super::kubernetes::Login as Granted;
use super::super::outcome::{Answer, Refusal};
use super::answer::auth;
use super::refusal::{assignable, invalid, of_tokens};
use crate::core::client_token::lease::LeaseTerms;
use crate::core::client_token::{Login, TokenKind};
use crate::core::mount::about::MountTokenType;
use crate::core::role::TokenType;
use crate::tokens::entities::Entities;
use crate::tokens::{NewToken, Tokens};

/// Issues the token of a login as its role and its mount say, for the entity that has logged in.
///
/// # Errors
/// Where the role grants `root` or an internal policy, or the store fails.
pub async fn issue_login(tokens: &Tokens, entities: &Entities, login: Granted) -> Result<Answer, Refusal> {
    let (mount, role) = (&login.mount, &login.role.token);
    let policies = role.login_policies();
    if policies.iter().any(|policy| policy == "root") {
        return Err(invalid("auth methods cannot create root tokens"));
    }
    assignable(&policies)?;
    let kind = kind(mount.about.token_type, role.token_type);
    let is_batch = kind == TokenKind::Batch;
    // A batch token lives as long as a first period; it keeps nothing that later requests would need.
    let kept = |of_service: i64| if is_batch { 0 } else { of_service };
    let terms = LeaseTerms {
        period: role.period,
        ttl: role.ttl,
        max_ttl: role.max_ttl,
        explicit_max_ttl: role.explicit_max_ttl,
        mount_default: mount.about.default_lease(),
        mount_max: mount.about.max_lease(),
    };
    let now = tokens.now();
    let lease = terms.lease(0, now, now).map_err(|past| invalid(past.to_string()))?;
    let (accessor, alias) = (mount.about.accessor.to_string(), &login.alias);
    let entity_id = entities.entity_for(&accessor, &alias.name, &alias.metadata).await.map_err(of_tokens)?;
    let new = NewToken {
        kind,
        id: None,
        parent: None,
        policies,
        path: ["auth/", &mount.path, "/login"].concat(),
        meta: None,
        display_name: login.display_name(),
        num_uses: kept(role.num_uses),
        ttl: lease.ttl,
        explicit_max_ttl: kept(role.explicit_max_ttl),
        period: kept(role.period),
        entity_id,
        renewable: !is_batch,
        bound_cidrs: role.bound_cidrs.clone(),
        login: Some(Login {
            mount_accessor: accessor,
            mount_path: mount.path.to_string(),
            role: login.role_as_typed,
            namespace: login.namespace,
            name: login.name,
            uid: login.uid,
            secret_name: login.secret_name,
            labels: login.labels.as_deref().cloned(),
        }),
    };
    let issued = tokens.issue(new).await.map_err(of_tokens)?;
    Ok(auth(issued.record, issued.token, lease.ttl, lease.warnings))
}

/// The mount decides, or leaves it to the role.
const fn kind(mount: MountTokenType, role: TokenType) -> TokenKind {
    match (mount, role) {
        (MountTokenType::Batch, _)
        | (MountTokenType::DefaultBatch, TokenType::Default | TokenType::Batch)
        | (MountTokenType::DefaultService, TokenType::Batch) => TokenKind::Batch,
        _ => TokenKind::Service,
    }
}
