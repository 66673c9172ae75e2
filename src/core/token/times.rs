//! The reference's rules on `exp`, `nbf` and `iat`.

use super::super::reason::Deny;
use super::UnverifiedClaims;

/// How far clocks may differ, in seconds.
const SKEW: i64 = 60;
/// How long a token without `exp` lives, and how long before `exp` one without `nbf` and `iat` begins, in seconds.
const LEEWAY: i64 = 150;

/// Checks the three dates against `now`, seconds since 1970. None given, none checked: legacy tokens have none.
///
/// # Errors
/// The first of not yet valid, expired, issued in the future that holds.
pub fn check_times(claims: &UnverifiedClaims, now: i64) -> Result<(), Deny> {
    let UnverifiedClaims { expires, not_before, issued_at, .. } = *claims;
    if (expires, not_before, issued_at) == (0, 0, 0) {
        return Ok(());
    }
    let expiry = if expires == 0 { issued_at.max(not_before).saturating_add(LEEWAY) } else { expires };
    let start = match (not_before, issued_at) {
        (0, 0) => expiry.saturating_sub(LEEWAY),
        (0, issued_at) => issued_at,
        (not_before, _) => not_before,
    };
    if now.saturating_add(SKEW) < start {
        return Err(Deny::NotYetValid);
    }
    if now.saturating_sub(SKEW) > expiry {
        return Err(Deny::Expired);
    }
    if now.saturating_add(SKEW) < issued_at {
        return Err(Deny::IssuedInTheFuture);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Deny, UnverifiedClaims, check_times};

    #[test]
    fn dates_are_checked_with_skew_and_leeway_and_boundaries_are_good() {
        const NOW: i64 = 1_000_000;
        /// `exp`, `nbf`, `iat` as offsets from now.
        type Dates = [Option<i64>; 3];
        let cases: [(Dates, Result<(), Deny>); 17] = [
            ([None, None, None], Ok(())),
            ([None, Some(60), None], Ok(())),
            ([None, Some(61), None], Err(Deny::NotYetValid)),
            ([Some(-60), None, Some(-100)], Ok(())),
            ([Some(-61), None, Some(-100)], Err(Deny::Expired)),
            ([Some(900), Some(0), Some(60)], Ok(())),
            ([Some(900), Some(0), Some(61)], Err(Deny::IssuedInTheFuture)),
            ([None, None, Some(-210)], Ok(())),
            ([None, None, Some(-211)], Err(Deny::Expired)),
            ([None, Some(-210), None], Ok(())),
            ([None, Some(-211), None], Err(Deny::Expired)),
            ([Some(210), None, None], Ok(())),
            ([Some(211), None, None], Err(Deny::NotYetValid)),
            ([None, Some(-100), Some(-500)], Ok(())),
            ([None, Some(-500), Some(-500)], Err(Deny::Expired)),
            ([Some(i64::MAX - NOW), None, Some(0)], Ok(())),
            ([Some(-5_000), Some(5_000), None], Err(Deny::NotYetValid)),
        ];
        for (offsets, expected) in cases {
            let [expires, not_before, issued_at] =
                offsets.map(|offset| offset.map_or(0, |offset| NOW + offset));
            let claims = UnverifiedClaims { expires, not_before, issued_at, ..UnverifiedClaims::default() };
            assert_eq!(check_times(&claims, NOW), expected, "{offsets:?}");
        }
    }
}
