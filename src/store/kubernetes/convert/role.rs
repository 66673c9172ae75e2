//! Between a GateRole and a role.

use kube::ResourceExt as _;

use super::fields::{VaultFields, duration, spec_name};
use super::{Annotations, OLD_NAMES, SELECTOR_TEXT};
use crate::core::role::decode::{RoleError, decode_full, is_role_name};
use crate::core::role::selector::{Expression, ExpressionError};
use crate::core::role::{LabelSelector, OldNames, Role};
use crate::store::kubernetes::resources::{GateRole, Reference, Requirement, RoleSpec, Selector};

/// Why a GateRole is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum RoleFault {
    #[error("`{}`: {}", spec_name(.0.field), .0.reason)]
    Field(crate::core::fields::FieldError),
    #[error("`roleName`: expected letters, digits, `_`, and `-` and `.` inside, found `{0}`")]
    Name(String),
    #[error("`boundServiceAccountNamespaceSelector.matchExpressions`: {0}")]
    Expression(#[from] ExpressionError),
    #[error(transparent)]
    Role(RoleError),
}

/// The name of the role in lower case.
///
/// # Errors
/// Where no role can have it.
pub fn role_name(object: &GateRole) -> Result<String, RoleFault> {
    let given = &object.spec.role_name;
    let name = if given.is_empty() { object.name_any() } else { given.clone() };
    if is_role_name(&name) { Ok(name.to_lowercase()) } else { Err(RoleFault::Name(name)) }
}

/// The role; `max_lease` is its mount's, in seconds.
///
/// # Errors
/// Where the Vault door would refuse it, but for `matchExpressions`.
pub fn role(object: &GateRole, max_lease: i64) -> Result<Role, RoleFault> {
    let spec = &object.spec;
    let name = role_name(object)?;
    let selector = spec
        .bound_service_account_namespace_selector
        .as_ref()
        .map(|selector| label_selector(selector, object.annotations().get(SELECTOR_TEXT)))
        .transpose()?;
    let fields = VaultFields::default()
        .list("bound_service_account_names", &spec.bound_service_account_names)
        .list("bound_service_account_namespaces", &spec.bound_service_account_namespaces)
        .text("bound_service_account_namespace_selector", selector.as_ref().map_or("", |known| &known.text))
        .text("audience", &spec.audience)
        .text("alias_name_source", &spec.alias_name_source)
        .value("alias_metadata", serde_json::json!(spec.alias_metadata))
        .list("token_policies", &spec.token_policies)
        .text("token_ttl", &spec.token_ttl)
        .text("token_max_ttl", &spec.token_max_ttl)
        .text("token_explicit_max_ttl", &spec.token_explicit_max_ttl)
        .text("token_period", &spec.token_period)
        .value("token_num_uses", spec.token_num_uses)
        .value("token_no_default_policy", spec.token_no_default_policy)
        .text("token_type", &spec.token_type)
        .list("token_bound_cidrs", &spec.token_bound_cidrs);
    let written = decode_full(&name, fields.object(), max_lease).map_err(|error| match error {
        RoleError::Field(error) => RoleFault::Field(error),
        other => RoleFault::Role(other),
    })?;
    let mut role = written.role;
    role.old_names =
        object.annotations().get(OLD_NAMES).map_or_else(OldNames::default, |text| old_names(text));
    Ok(role)
}

/// The spec of a role of the mount whose object is `mount`, and the annotations that keep what a spec cannot say.
/// [`role`] reads the equal role from them.
pub fn role_spec(role: &Role, mount: &str) -> (RoleSpec, Annotations) {
    let token = &role.token;
    let mut annotations = Annotations::new();
    let old = old_names_text(role.old_names);
    if !old.is_empty() {
        annotations.insert(OLD_NAMES.to_owned(), old);
    }
    let selector = role.bound_service_account_namespace_selector.as_ref().map(|selector| {
        let parts = (selector.match_labels.clone(), selector.match_expressions.clone());
        if LabelSelector::new(parts.0, parts.1).text != selector.text {
            annotations.insert(SELECTOR_TEXT.to_owned(), selector.text.clone());
        }
        spec_selector(selector)
    });
    let spec = RoleSpec {
        mount_ref: Reference { name: mount.to_owned() },
        role_name: role.name.clone(),
        bound_service_account_names: role.bound_service_account_names.clone(),
        bound_service_account_namespaces: role.bound_service_account_namespaces.clone(),
        bound_service_account_namespace_selector: selector,
        audience: role.audience.clone(),
        alias_name_source: role.alias_name_source.name().to_owned(),
        alias_metadata: token.alias_metadata.clone(),
        token_policies: token.policies.clone(),
        token_ttl: duration(token.ttl),
        token_max_ttl: duration(token.max_ttl),
        token_explicit_max_ttl: duration(token.explicit_max_ttl),
        token_period: duration(token.period),
        token_num_uses: token.num_uses,
        token_no_default_policy: token.no_default_policy,
        token_type: token.token_type.name().to_owned(),
        token_bound_cidrs: token.bound_cidrs.iter().map(ToString::to_string).collect(),
    };
    (spec, annotations)
}

/// The selector, with the text as it was typed where that still means the same.
fn label_selector(selector: &Selector, typed: Option<&String>) -> Result<LabelSelector, ExpressionError> {
    let expressions = selector
        .match_expressions
        .iter()
        .map(|requirement| Expression::new(&requirement.key, &requirement.operator, &requirement.values))
        .collect::<Result<Vec<_>, _>>()?;
    let made = LabelSelector::new(selector.match_labels.clone(), expressions);
    let typed = typed.and_then(|text| LabelSelector::parse_full(text).ok()).filter(|typed| {
        !typed.text.is_empty()
            && typed.match_labels == made.match_labels
            && typed.match_expressions == made.match_expressions
    });
    Ok(typed.unwrap_or(made))
}

fn spec_selector(selector: &LabelSelector) -> Selector {
    let requirement = |expression: &Expression| Requirement {
        key: expression.key().to_owned(),
        operator: expression.test().operator().to_owned(),
        values: expression.test().values().to_vec(),
    };
    Selector {
        match_labels: selector.match_labels.clone(),
        match_expressions: selector.match_expressions.iter().map(requirement).collect(),
    }
}

fn old_names(text: &str) -> OldNames {
    let has = |name: &str| text.split(',').any(|part| part.trim() == name);
    OldNames {
        policies: has("policies"),
        bound_cidrs: has("bound_cidrs"),
        num_uses: has("num_uses"),
        ttl: has("ttl"),
        max_ttl: has("max_ttl"),
        period: has("period"),
    }
}

fn old_names_text(old: OldNames) -> String {
    let names = [
        ("policies", old.policies),
        ("bound_cidrs", old.bound_cidrs),
        ("num_uses", old.num_uses),
        ("ttl", old.ttl),
        ("max_ttl", old.max_ttl),
        ("period", old.period),
    ];
    let used: Vec<&str> = names.into_iter().filter(|(_, used)| *used).map(|(name, _)| name).collect();
    used.join(",")
}
