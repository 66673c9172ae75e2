//! Time-outs and bounds.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::de::{Deserializer, Error};

use super::parsed::parsed;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// `review`: how API servers are asked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Review {
    /// How long one call to the API server may take. Never zero.
    #[serde(deserialize_with = "positive")]
    pub timeout: Duration,
    /// Calls at once, for each mount.
    pub max_in_flight: NonZeroU32,
    /// Those who wait for one of these, for each mount; one more is `overloaded`.
    pub max_waiting: NonZeroU32,
    /// What is remembered.
    pub cache: ReviewCache,
    /// Whether the keys that an API server publishes decide about signatures before a review.
    pub local_keys: LocalKeys,
    /// How long published keys may deny after they were read. Never zero.
    #[serde(deserialize_with = "positive")]
    pub local_keys_ttl: Duration,
    /// How old namespace labels may be at the Envoy door; zero: asked for afresh by every review that needs them.
    #[serde(deserialize_with = "duration")]
    pub labels_ttl: Duration,
    /// How API servers of other clusters are reached.
    pub proxy: EgressProxy,
}

/// `review.local_keys`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocalKeys {
    /// Where the API server publishes its keys and the mount's reviewer may read them.
    #[default]
    Auto,
    /// Every token that no cache knows is reviewed.
    Off,
}

/// `review.proxy`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EgressProxy {
    /// Directly.
    #[default]
    None,
    /// Through `HTTPS_PROXY`, less `NO_PROXY`, by CONNECT.
    Environment,
}

/// `review.cache`: how long reviews are remembered.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReviewCache {
    /// For confirmed tokens, and never beyond their `exp`; zero: not at all.
    #[serde(deserialize_with = "duration")]
    pub ttl: Duration,
    /// For refused tokens; zero: not at all.
    #[serde(deserialize_with = "duration")]
    pub refused_ttl: Duration,
    /// At most so many reviews.
    pub entries: NonZeroU32,
}

/// `shutdown`: from SIGTERM to the end.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shutdown {
    /// Not ready, but still serving, so that others notice.
    #[serde(deserialize_with = "duration")]
    pub lame_duck: Duration,
    /// For the requests that run when the doors have closed.
    #[serde(deserialize_with = "duration")]
    pub grace: Duration,
}

impl Default for Review {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            max_in_flight: bound(64),
            max_waiting: bound(512),
            cache: ReviewCache::default(),
            local_keys: LocalKeys::default(),
            local_keys_ttl: Duration::from_secs(300),
            labels_ttl: Duration::from_secs(10),
            proxy: EgressProxy::default(),
        }
    }
}

impl Default for ReviewCache {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(60), refused_ttl: Duration::from_secs(10), entries: bound(100_000) }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { lame_duck: Duration::from_secs(5), grace: Duration::from_secs(20) }
    }
}

fn bound(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

/// Such as `5s` or `1m 30s`, at most a day.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    const EXPECTED: &str = "a duration of at most a day, such as `5s`";
    let parse = |text: &str| humantime::parse_duration(text).ok().filter(|duration| *duration <= DAY);
    parsed(deserializer, EXPECTED, parse)
}

fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration = duration(deserializer)?;
    if duration.is_zero() { Err(Error::custom("expected a duration above zero")) } else { Ok(duration) }
}
