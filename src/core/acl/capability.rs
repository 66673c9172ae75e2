//! What a path may be used for, as a small set.

/// Each capability with its name, in the order in which they are shown.
const NAMES: [(Capabilities, &str); 11] = [
    (Capabilities::CREATE, "create"),
    (Capabilities::DELETE, "delete"),
    (Capabilities::DENY, "deny"),
    (Capabilities::LIST, "list"),
    (Capabilities::PATCH, "patch"),
    (Capabilities::READ, "read"),
    // Of other servers: these are taken and shown, and nothing here asks for them.
    (Capabilities(1 << 8), "recover"),
    (Capabilities(1 << 9), "scan"),
    (Capabilities(1 << 10), "subscribe"),
    (Capabilities::SUDO, "sudo"),
    (Capabilities::UPDATE, "update"),
];

/// A set of capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Capabilities(u16);

impl Capabilities {
    pub(super) const DENY: Self = Self(1);
    pub(super) const CREATE: Self = Self(1 << 1);
    pub(super) const READ: Self = Self(1 << 2);
    pub(super) const UPDATE: Self = Self(1 << 3);
    pub(super) const DELETE: Self = Self(1 << 4);
    pub(super) const LIST: Self = Self(1 << 5);
    pub(super) const SUDO: Self = Self(1 << 6);
    pub(super) const PATCH: Self = Self(1 << 7);

    /// The capability of that name, with case.
    pub(super) fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, known)| *known == name).map(|(capability, _)| *capability)
    }

    /// Those of either set.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of the others is among them.
    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether they grant anything.
    pub(super) const fn grant(self) -> bool {
        self.0 != 0 && !self.has(Self::DENY)
    }

    /// Their names in order; a denial stands alone, and so does having none.
    pub(super) fn names(self) -> Vec<&'static str> {
        if !self.grant() {
            return vec!["deny"];
        }
        NAMES.iter().filter(|(capability, _)| self.has(*capability)).map(|(_, name)| *name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Capabilities, NAMES};

    #[test]
    fn every_capability_has_its_own_bit_and_name_and_they_are_in_order() {
        let all = NAMES.iter().fold(Capabilities::default(), |all, (one, name)| {
            assert!(!all.has(*one), "{name}");
            all.and(*one)
        });
        assert!(NAMES.is_sorted_by_key(|(_, name)| *name));
        assert!(NAMES.iter().all(|(one, name)| Capabilities::named(name) == Some(*one) && all.has(*one)));
    }

    #[test]
    fn a_denial_is_shown_alone_and_nothing_at_all_as_a_denial() {
        let both = Capabilities::DENY.and(Capabilities::READ);
        assert_eq!(both.names(), ["deny"]);
        assert_eq!(Capabilities::default().names(), ["deny"]);
        assert_eq!(Capabilities::UPDATE.and(Capabilities::CREATE).names(), ["create", "update"]);
    }
}
