//! What one path grants, how two policies add up on it, and whether it lets an operation through.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::AclOperation;
use super::capability::Capabilities;
use super::values::{all_allowed, any_denied};

/// What a path grants.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rule {
    pub(super) capabilities: Capabilities,
    /// The shortest wrapping that must be asked for; zero: none need be.
    pub(super) min_wrap: Duration,
    /// The longest wrapping that may be asked for, and then one must be; zero: none need be.
    pub(super) max_wrap: Duration,
    pub(super) parameters: Option<Box<Parameters>>,
}

/// What is demanded of a request's parameters. All names are lower case.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Parameters {
    /// With the values that each may have; none listed: any. Empty: all parameters are allowed.
    pub(super) allowed: BTreeMap<String, Vec<Value>>,
    /// With the values that each must not have; none listed: any.
    pub(super) denied: BTreeMap<String, Vec<Value>>,
    pub(super) required: Vec<String>,
}

impl Rule {
    /// Nothing, whatever other policies say of the same path.
    pub(super) const fn denial() -> Self {
        Self {
            capabilities: Capabilities::DENY,
            min_wrap: Duration::ZERO,
            max_wrap: Duration::ZERO,
            parameters: None,
        }
    }

    /// Adds what another policy says of the same path. Denials win, capabilities add up, and so do the demands on
    /// parameters, but of two lists for one parameter an empty one wins; of two wrapping TTLs the shorter one wins.
    pub(super) fn add(&mut self, other: &Self) {
        if self.capabilities.has(Capabilities::DENY) {
            return;
        }
        if other.capabilities.has(Capabilities::DENY) {
            *self = Self::denial();
            return;
        }
        self.capabilities = self.capabilities.and(other.capabilities);
        self.min_wrap = shorter(self.min_wrap, other.min_wrap);
        self.max_wrap = shorter(self.max_wrap, other.max_wrap);
        if let Some(more) = &other.parameters {
            self.parameters.get_or_insert_default().add(more);
        }
    }

    /// Whether the operation may be done so.
    pub(super) fn allows(
        &self,
        operation: AclOperation,
        parameters: &Map<String, Value>,
        wrap_ttl: Option<Duration>,
    ) -> bool {
        self.capabilities.grant()
            && operation.capability().is_some_and(|capability| self.capabilities.has(capability))
            && self.takes_wrapping(wrap_ttl)
            && (!operation.has_parameters()
                || self.parameters.as_ref().is_none_or(|demands| demands.take(parameters)))
    }

    fn takes_wrapping(&self, asked: Option<Duration>) -> bool {
        let Self { min_wrap: min, max_wrap: max, .. } = *self;
        let (bounded_below, bounded_above) = (!min.is_zero(), !max.is_zero());
        if !bounded_below && !bounded_above {
            return true;
        }
        asked.is_some_and(|asked| (!bounded_above || asked <= max) && (!bounded_below || asked >= min))
    }
}

impl Parameters {
    pub(super) fn is_empty(&self) -> bool {
        self.allowed.is_empty() && self.denied.is_empty() && self.required.is_empty()
    }

    fn add(&mut self, more: &Self) {
        for (name, values) in &more.allowed {
            add_values(&mut self.allowed, name.clone(), values.clone());
        }
        for (name, values) in &more.denied {
            add_values(&mut self.denied, name.clone(), values.clone());
        }
        for name in &more.required {
            if !self.required.contains(name) {
                self.required.push(name.clone());
            }
        }
    }

    fn take(&self, parameters: &Map<String, Value>) -> bool {
        if !self.required.iter().all(|name| parameters.contains_key(name)) {
            return false;
        }
        if parameters.is_empty() {
            return true;
        }
        if self.denied.contains_key("*") {
            return false;
        }
        let any_name = self.allowed.is_empty() || self.allowed.contains_key("*");
        parameters.iter().all(|(name, value)| {
            let name = lower_case(name);
            let denied = self.denied.get(&*name).is_some_and(|values| any_denied(value, values));
            !denied && self.allowed.get(&*name).map_or(any_name, |values| all_allowed(value, values))
        })
    }
}

/// Adds values for a parameter; none listed means any, whichever of the two says it.
pub(super) fn add_values(all: &mut BTreeMap<String, Vec<Value>>, name: String, values: Vec<Value>) {
    match all.get_mut(&name) {
        None => {
            all.insert(name, values);
        }
        Some(before) if before.is_empty() || values.is_empty() => before.clear(),
        Some(before) => before.extend(values),
    }
}

fn lower_case(name: &str) -> std::borrow::Cow<'_, str> {
    if name.chars().any(char::is_uppercase) { name.to_lowercase().into() } else { name.into() }
}

fn shorter(one: Duration, other: Duration) -> Duration {
    match (one.is_zero(), other.is_zero()) {
        (true, _) => other,
        (_, true) => one,
        _ => one.min(other),
    }
}

#[cfg(test)]
mod tests;
