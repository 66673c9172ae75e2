//! What `sys/auth` tells of a mount, and what `tune` sets.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest lease in seconds where nothing else is set: Vault's 768 h, as its default lease is.
pub const SYSTEM_MAX_LEASE: i64 = 768 * 3600;

/// A mount without its config and roles. Its JSON is how it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountAbout {
    /// Names this mount and no other, not even its successor under the same path: `auth_kubernetes_1a2b3c4d`.
    pub accessor: Arc<str>,
    /// A UUID.
    pub uuid: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Seconds; 0: the system's.
    #[serde(default)]
    pub default_lease_ttl: i64,
    /// Seconds; 0: the system's.
    #[serde(default)]
    pub max_lease_ttl: i64,
    /// What roles whose `token_type` is `default` issue.
    #[serde(default)]
    pub token_type: MountTokenType,
    /// Whether `sys/internal/ui/mounts` shows it to everybody.
    #[serde(default)]
    pub listing_visibility: ListingVisibility,
    /// As given; nothing here reads them.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// As given; there is no replication here.
    #[serde(default)]
    pub local: bool,
}

impl MountAbout {
    /// A mount with defaults; `random` tells it from every other.
    pub fn new(random: [u8; 20]) -> Self {
        let [a, b, c, d, uuid @ ..] = random;
        Self {
            accessor: format!("auth_kubernetes_{:08x}", u32::from_be_bytes([a, b, c, d])).into(),
            uuid: uuid_v4(uuid),
            description: String::new(),
            default_lease_ttl: 0,
            max_lease_ttl: 0,
            token_type: MountTokenType::default(),
            listing_visibility: ListingVisibility::default(),
            options: BTreeMap::new(),
            local: false,
        }
    }

    /// A mount of a declaration: the same path always has the same accessor.
    pub fn of_path(path: &str) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, path.as_bytes());
        let mut bytes = [0; 20];
        bytes.iter_mut().zip(digest.as_ref()).for_each(|(byte, of_digest)| *byte = *of_digest);
        Self::new(bytes)
    }

    /// The mount of `auth/token/`, which is everywhere the same until it is tuned.
    pub fn of_tokens() -> Self {
        let about = Self::of_path("token");
        Self {
            accessor: about.accessor.replacen("kubernetes", "token", 1).into(),
            description: "token based credentials".to_owned(),
            ..about
        }
    }

    /// The lease in seconds of a token whose role does not say.
    pub fn default_lease(&self) -> i64 {
        let set = if self.default_lease_ttl > 0 { self.default_lease_ttl } else { SYSTEM_MAX_LEASE };
        set.min(self.max_lease())
    }

    /// Whether the default lease is within the longest.
    pub const fn leases_agree(&self) -> bool {
        self.default_lease_ttl <= self.max_lease()
    }

    /// The longest lease in seconds.
    pub const fn max_lease(&self) -> i64 {
        if self.max_lease_ttl > 0 { self.max_lease_ttl } else { SYSTEM_MAX_LEASE }
    }
}

/// Sixteen random bytes as a UUID of version 4 (RFC 9562 section 5.4).
pub fn uuid_v4(random: [u8; 16]) -> String {
    let bits = u128::from_be_bytes(random);
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let mut uuid = String::with_capacity(36);
    for (position, digit) in hex.chars().enumerate() {
        if matches!(position, 8 | 12 | 16 | 20) {
            uuid.push('-');
        }
        uuid.push(digit);
    }
    uuid
}

/// A mount's `token_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountTokenType {
    /// Service, unless the role says otherwise.
    #[default]
    DefaultService,
    /// Batch, unless the role says otherwise.
    DefaultBatch,
    /// Service, whatever the role says.
    Service,
    /// Batch, whatever the role says.
    Batch,
}

impl MountTokenType {
    /// The type of that name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "" | "default-service" => Self::DefaultService,
            "default-batch" => Self::DefaultBatch,
            "service" => Self::Service,
            "batch" => Self::Batch,
            _ => return None,
        })
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DefaultService => "default-service",
            Self::DefaultBatch => "default-batch",
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }
}

/// A mount's `listing_visibility`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListingVisibility {
    /// Not set.
    #[default]
    Default,
    /// Not shown.
    Hidden,
    /// Shown without a token.
    Unauth,
}

impl ListingVisibility {
    /// The visibility of that name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "" => Self::Default,
            "hidden" => Self::Hidden,
            "unauth" => Self::Unauth,
            _ => return None,
        })
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "",
            Self::Hidden => "hidden",
            Self::Unauth => "unauth",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MountAbout, SYSTEM_MAX_LEASE, uuid_v4};

    #[test]
    fn a_uuid_has_its_version_and_variant_whatever_the_bytes() {
        assert_eq!(uuid_v4([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid_v4([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn leases_are_the_systems_unless_they_are_tuned() {
        let mut about = MountAbout::new([7; 20]);
        assert_eq!((about.default_lease(), about.max_lease()), (SYSTEM_MAX_LEASE, SYSTEM_MAX_LEASE));
        about.max_lease_ttl = 60;
        assert_eq!((about.default_lease(), about.max_lease()), (60, 60));
        about.default_lease_ttl = 30;
        assert_eq!(about.default_lease(), 30);
    }

    #[test]
    fn what_is_kept_is_read_again_and_what_an_older_entry_lacks_has_its_default() {
        let about = MountAbout::new([7; 20]);
        let kept = serde_json::to_string(&about).unwrap();
        assert_eq!(serde_json::from_str::<MountAbout>(&kept).unwrap(), about);
        let older =
            r#"{"accessor":"auth_kubernetes_07070707","uuid":"07070707-0707-4707-8707-070707070707"}"#;
        assert_eq!(serde_json::from_str::<MountAbout>(older).unwrap(), about);
    }
}
