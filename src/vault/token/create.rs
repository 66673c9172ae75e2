//! `create` and `create-orphan`: a token of the caller's making, in the reference's order of checks.

mod given;

use super::super::outcome::{Answer, Refusal};
use super::answer::auth;
use super::refusal::{assignable, invalid, of_tokens};
use super::{Caller, TokenPaths};
use crate::core::client_token::lease::LeaseTerms;
use crate::core::client_token::{ClientToken, TokenKind};
use crate::core::fields::Fields;
use crate::core::secret::Secret;
use crate::tokens::NewToken;

pub(super) use given::FIELDS;
use given::{Given, Times};

impl TokenPaths<'_> {
    pub(super) async fn create(
        &self,
        caller: Caller<'_>,
        fields: Fields<'_>,
        is_orphan: bool,
    ) -> Result<Answer, Refusal> {
        let given = Given::read(fields)?;
        may_have_children(caller)?;
        let parent = caller.record();
        let kind = given.kind()?;
        let id = given.id(caller.is_sudo)?;
        let policies = policies(&given, parent, caller.is_sudo)?;
        let is_root = policies.iter().any(|policy| policy == "root");
        if is_root && !parent.is_root() {
            return Err(invalid("root tokens may not be created without parent token being root"));
        }
        if is_root && kind == TokenKind::Batch {
            return Err(invalid("batch tokens cannot be root tokens"));
        }
        if given.no_parent && !caller.is_sudo {
            return Err(invalid("root or sudo privileges required to create orphan token"));
        }
        let times = given.times(caller.is_sudo)?;
        let (ttl, mut warnings) = self.life(times, is_root).await?;
        let is_endless = ttl == 0;
        if is_endless && parent.creation_ttl != 0 {
            return Err(invalid("expiring root tokens cannot create non-expiring root tokens"));
        }
        let of = (!is_orphan && !given.no_parent).then_some(parent);
        let missing = policies.iter().filter(|policy| !self.policy_exists(policy));
        warnings.extend(missing.map(|policy| format!("Policy {policy:?} does not exist")));
        let new = NewToken {
            kind,
            id,
            parent: of.map(|_| caller.used.found.as_parent()),
            policies,
            path: format!("auth/token/{}", if is_orphan { "create-orphan" } else { "create" }),
            meta: given.meta,
            display_name: display_name(&given.display_name),
            num_uses: given.num_uses,
            ttl,
            explicit_max_ttl: times.explicit_max_ttl,
            period: times.period,
            entity_id: of.map(|parent| parent.entity_id.clone()).unwrap_or_default(),
            renewable: given.renewable && !is_endless,
            bound_cidrs: of
                .filter(|_| !is_endless)
                .map(|parent| parent.bound_cidrs.clone())
                .unwrap_or_default(),
            login: None,
        };
        let issued = self.tokens.issue(new).await.map_err(of_tokens)?;
        Ok(auth(issued.record, issued.token, ttl, warnings))
    }

    /// How long it lives; a root token for ever, unless a time is asked for.
    async fn life(&self, times: Times, is_root: bool) -> Result<(i64, Vec<String>), Refusal> {
        let Times { explicit_max_ttl, period, ttl } = times;
        if is_root && period == 0 && ttl == 0 {
            return Ok((explicit_max_ttl, vec![]));
        }
        let mount = self.tokens.mount().await.map_err(of_tokens)?.about;
        let terms = LeaseTerms {
            period,
            ttl,
            max_ttl: 0,
            explicit_max_ttl,
            mount_default: mount.default_lease(),
            mount_max: mount.max_lease(),
        };
        let now = self.tokens.now();
        let lease = terms.lease(0, now, now).map_err(|past| invalid(past.to_string()))?;
        Ok((lease.ttl, lease.warnings))
    }

    fn policy_exists(&self, name: &str) -> bool {
        matches!(name, "root" | "default") || self.policies.policy_exists(name)
    }
}

fn may_have_children(caller: Caller<'_>) -> Result<(), Refusal> {
    let parent = caller.record();
    if parent.kind == TokenKind::Batch {
        return Err(invalid("batch tokens cannot create more tokens"));
    }
    if caller.used.is_last {
        return Err(invalid("parent token lookup failed: no parent found"));
    }
    if parent.num_uses > 0 {
        return Err(invalid("restricted use token cannot generate child tokens"));
    }
    Ok(())
}

/// The policies that it gets: those asked for, which without `sudo` must be the parent's; none asked for: the parent's.
/// Whoever does not want `default` does not get it, asked for or inherited.
fn policies(given: &Given, parent: &ClientToken, is_sudo: bool) -> Result<Vec<String>, Refusal> {
    let mut policies = sanitized(&given.policies);
    if given.policies.is_empty() {
        policies.clone_from(&parent.policies);
    } else if is_sudo {
        add_default(&mut policies, !given.no_default_policy);
    } else {
        if !policies.iter().all(|policy| parent.policies.contains(policy)) {
            return Err(invalid("child policies must be subset of parent"));
        }
        let inherits = parent.policies.iter().any(|policy| policy == "default");
        add_default(&mut policies, inherits && !given.no_default_policy);
    }
    if given.no_default_policy {
        policies.retain(|policy| policy != "default");
    }
    assignable(&policies)?;
    Ok(policies)
}

/// Trimmed, lower case, unique, sorted; `root` stands alone.
fn sanitized(policies: &[String]) -> Vec<String> {
    let mut policies: Vec<_> = policies
        .iter()
        .map(|policy| policy.trim().to_lowercase())
        .filter(|policy| !policy.is_empty())
        .collect();
    if policies.iter().any(|policy| policy == "root") {
        return vec!["root".to_owned()];
    }
    policies.sort_unstable();
    policies.dedup();
    policies
}

fn add_default(policies: &mut Vec<String>, wanted: bool) {
    if wanted && !policies.iter().any(|policy| policy == "root" || policy == "default") {
        policies.push("default".to_owned());
        policies.sort_unstable();
    }
}

/// `token-` and the given name, with a hyphen for whatever is no letter, digit or hyphen.
fn display_name(given: &str) -> String {
    if given.is_empty() {
        return "token".to_owned();
    }
    let clean = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    let name: String = format!("token-{given}").chars().map(clean).collect();
    name.strip_suffix('-').map(str::to_owned).unwrap_or(name)
}

impl Given {
    /// The text that the caller chose for the token.
    fn id(&self, is_sudo: bool) -> Result<Option<Secret>, Refusal> {
        let Some(id) = &self.id else { return Ok(None) };
        if !is_sudo {
            return Err(invalid("root or sudo privileges required to specify token id"));
        }
        match ["hvs.", "hvb.", "hvr.", "s.", "b.", "r."]
            .iter()
            .find(|prefix| id.expose().starts_with(**prefix))
        {
            Some(prefix) => Err(invalid(format!("custom token ID cannot have the '{prefix}' prefix"))),
            None if id.expose().contains('.') => {
                Err(invalid("custom token ID cannot have a '.' in the value"))
            }
            None => Ok(Some(id.clone())),
        }
    }
}
