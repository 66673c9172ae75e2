//! How long a token lives: what its role, its mount and its caller ask for, cut to what they allow.

use crate::core::mount::about::SYSTEM_MAX_LEASE;

/// What is asked for and allowed, in seconds; 0: nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeaseTerms {
    /// The life of a periodic token, whatever else is asked for.
    pub period: i64,
    /// The role's or the token's own.
    pub ttl: i64,
    /// From the creation on.
    pub max_ttl: i64,
    /// From the creation on, for periodic tokens too.
    pub explicit_max_ttl: i64,
    /// The mount's, or the system's where it has none.
    pub mount_default: i64,
    /// The mount's, or the system's where it has none.
    pub mount_max: i64,
}

/// A life that was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Seconds from now on.
    pub ttl: i64,
    /// What was cut, in the reference's words.
    pub warnings: Vec<String>,
}

/// There is no time left to grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("past the max TTL, cannot renew")]
pub struct PastMaximum;

impl LeaseTerms {
    /// The life of a token from `now` on, when it was created at `created` and the caller asks for `increment`.
    ///
    /// # Errors
    /// Where the token is as old as it may become.
    pub fn lease(&self, increment: i64, created: i64, now: i64) -> Result<Lease, PastMaximum> {
        let given = |seconds: i64| (seconds > 0).then_some(seconds);
        let longest = [given(self.max_ttl), given(self.explicit_max_ttl)]
            .into_iter()
            .flatten()
            .fold(given(self.mount_max).unwrap_or(SYSTEM_MAX_LEASE), i64::min);
        let mut warnings = Vec::new();
        let (ttl, until) = if let Some(period) = given(self.period) {
            if period > longest {
                warnings.push(cut("period", period, longest, "period"));
            }
            // A period starts anew with every renewal: the explicit maximum alone ends it.
            (period.min(longest), given(self.explicit_max_ttl))
        } else {
            let mount_default = given(self.mount_default).unwrap_or(SYSTEM_MAX_LEASE);
            (given(increment).or(given(self.ttl)).unwrap_or(mount_default), Some(longest))
        };
        let left = until.map(|seconds| created.saturating_add(seconds).saturating_sub(now));
        match left {
            Some(left) if left <= 0 => Err(PastMaximum),
            Some(left) if ttl > left => {
                warnings.push(cut("TTL", ttl, left, "TTL"));
                Ok(Lease { ttl: left, warnings })
            }
            _ => Ok(Lease { ttl, warnings }),
        }
    }
}

fn cut(what: &str, asked: i64, longest: i64, cut: &str) -> String {
    let (asked, longest) = (duration_text(asked), duration_text(longest));
    format!(
        "{what} of \"{asked}\" exceeded the effective max_ttl of \"{longest}\"; {cut} value is capped accordingly"
    )
}

/// Seconds as the reference's warnings spell them: `1h`, `1h30m`, `1h0m5s`.
fn duration_text(seconds: i64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, 0) => format!("{m}m"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, 0, 0) => format!("{h}h"),
        (h, m, 0) => format!("{h}h{m}m"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Lease, LeaseTerms, PastMaximum, duration_text};

    const HOUR: i64 = 3600;

    fn lease(terms: LeaseTerms, increment: i64, age: i64) -> Result<Lease, PastMaximum> {
        terms.lease(increment, 1_700_000_000, 1_700_000_000 + age)
    }

    #[test]
    fn the_first_that_says_something_is_taken() {
        let terms = LeaseTerms { ttl: 10, mount_default: 20, ..LeaseTerms::default() };
        let cases = [
            (terms, 5, 5),
            (terms, 0, 10),
            (LeaseTerms { ttl: 0, ..terms }, 0, 20),
            (LeaseTerms::default(), 0, 768 * HOUR),
            (LeaseTerms { period: 7, ..terms }, 5, 7),
        ];
        for (terms, increment, ttl) in cases {
            assert_eq!(lease(terms, increment, 0), Ok(Lease { ttl, warnings: vec![] }), "{terms:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut_with_the_references_warning() {
        let none = LeaseTerms::default();
        let role = LeaseTerms { ttl: HOUR, max_ttl: 10 * HOUR, ..none };
        let cases = [
            (role, 100_000 * HOUR, 0, 10 * HOUR, "100000h", "10h"),
            (role, 20 * HOUR, 1, 10 * HOUR - 1, "20h", "9h59m59s"),
            (LeaseTerms { max_ttl: 2 * HOUR, ..none }, 0, 0, 2 * HOUR, "768h", "2h"),
            (LeaseTerms { ttl: HOUR, explicit_max_ttl: 1800, ..none }, 0, 0, 1800, "1h", "30m"),
            (LeaseTerms { ttl: 800 * HOUR, ..none }, 0, 0, 768 * HOUR, "800h", "768h"),
            (LeaseTerms { ttl: 3 * HOUR, mount_max: 2 * HOUR, ..none }, 0, 0, 2 * HOUR, "3h", "2h"),
        ];
        for (terms, increment, age, ttl, asked, longest) in cases {
            let warning = format!(
                "TTL of \"{asked}\" exceeded the effective max_ttl of \"{longest}\"; TTL value is capped accordingly"
            );
            assert_eq!(lease(terms, increment, age), Ok(Lease { ttl, warnings: vec![warning] }));
        }
    }

    #[test]
    fn a_long_period_is_cut_with_a_warning_of_its_own() {
        let terms = LeaseTerms { period: 3 * HOUR, max_ttl: 2 * HOUR, ..LeaseTerms::default() };
        let warning =
            "period of \"3h\" exceeded the effective max_ttl of \"2h\"; period value is capped accordingly";
        let expected = Lease { ttl: 2 * HOUR, warnings: vec![warning.to_owned()] };
        assert_eq!(lease(terms, 0, 0), Ok(expected.clone()));
        assert_eq!(lease(terms, 0, 1000 * HOUR), Ok(expected), "a period starts anew");
    }

    #[test]
    fn nothing_goes_beyond_the_explicit_maximum_and_nothing_is_left_there() {
        let terms = LeaseTerms { period: HOUR, explicit_max_ttl: 2 * HOUR, ..LeaseTerms::default() };
        assert_eq!(lease(terms, 0, 90 * 60).map(|lease| lease.ttl), Ok(30 * 60));
        assert_eq!(lease(terms, 0, 2 * HOUR), Err(PastMaximum));
        let terms = LeaseTerms { ttl: HOUR, max_ttl: 2 * HOUR, ..LeaseTerms::default() };
        assert_eq!(lease(terms, 5, 2 * HOUR), Err(PastMaximum));
        assert_eq!(PastMaximum.to_string(), "past the max TTL, cannot renew");
    }

    #[test]
    fn odd_times_do_not_overflow() {
        let terms = LeaseTerms { ttl: i64::MAX, mount_max: i64::MAX, ..LeaseTerms::default() };
        assert!(terms.lease(0, i64::MAX, 0).is_ok());
        assert!(terms.lease(0, i64::MIN, i64::MAX).is_err());
    }

    #[test]
    fn durations_end_with_the_last_unit_that_counts() {
        let cases = [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (61, "1m1s"),
            (3600, "1h"),
            (3605, "1h0m5s"),
            (5400, "1h30m"),
            (5401, "1h30m1s"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration_text(seconds), text);
        }
    }
}
