//! A token's record as answers show it.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::super::outcome::{Answer, Auth};
use crate::core::cidr::BoundCidr;
use crate::core::client_token::ClientToken;
use crate::core::secret::Secret;

/// The `auth` of a creation or renewal.
pub(super) fn auth(record: ClientToken, token: Secret, lease_duration: i64, warnings: Vec<String>) -> Answer {
    let auth = Auth {
        client_token: token,
        metadata: record.metadata(),
        lease_duration,
        renewable: record.renewable,
        token_type: record.kind.name(),
        orphan: record.is_orphan(),
        num_uses: record.num_uses,
        accessor: record.accessor,
        policies: record.policies,
        entity_id: record.entity_id,
    };
    Answer { auth: Some(Box::new(auth)), warnings, ..Answer::default() }
}

/// The `data` of a look-up. `id` is the token's text, or nothing where an accessor was asked for.
pub(super) fn looked_up(record: &ClientToken, id: &str, now: i64) -> Answer {
    let mut data = Map::new();
    let mut put = |key: &str, value: Value| drop(data.insert(key.to_owned(), value));
    put("accessor", json!(record.accessor));
    put("creation_time", json!(record.created));
    put("creation_ttl", json!(record.creation_ttl));
    put("display_name", json!(record.display_name));
    put("entity_id", json!(record.entity_id));
    put("expire_time", json!(record.expires.map(rfc3339)));
    put("explicit_max_ttl", json!(record.explicit_max_ttl));
    put("id", json!(id));
    put("issue_time", json!(rfc3339(record.created)));
    put("meta", json!(record.metadata()));
    put("num_uses", json!(record.num_uses));
    put("orphan", json!(record.is_orphan()));
    put("path", json!(record.path));
    put("policies", json!(record.policies));
    put("renewable", json!(record.renewable));
    put("ttl", json!(record.ttl_left(now)));
    put("type", json!(record.kind.name()));
    if !record.bound_cidrs.is_empty() {
        let cidrs: Vec<_> = record.bound_cidrs.iter().map(BoundCidr::shown).collect();
        put("bound_cidrs", json!(cidrs));
    }
    if record.period > 0 {
        put("period", json!(record.period));
    }
    if let Some(renewed) = record.last_renewal {
        put("last_renewal", json!(rfc3339(renewed)));
        put("last_renewal_time", json!(renewed));
    }
    Answer { data: Some(data), ..Answer::default() }
}

pub(in crate::vault) fn rfc3339(seconds: i64) -> String {
    // The year 9999 is the last that the notation has.
    let since = Duration::from_secs(u64::try_from(seconds).unwrap_or_default().min(253_402_300_799));
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string()
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn times_are_written_as_rfc_3339_whatever_they_are() {
        let cases = [
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (-1, "1970-01-01T00:00:00Z"),
            (i64::MAX, "9999-12-31T23:59:59Z"),
        ];
        for (seconds, text) in cases {
            assert_eq!(rfc3339(seconds), text);
        }
    }
}
