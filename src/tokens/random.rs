//! Names that nobody can guess.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use crate::core::client_token::{MOMENT_LEN, SECRET_LEN, SERVICE_PREFIX};
use crate::core::mount::about::uuid_v4;
use crate::core::secret::Secret;
use crate::ports::{NoRandom, Random};

/// In the order of their bytes.
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ACCESSOR_LEN: usize = 24;
/// So many of them tell when: as digits, most significant first.
const MOMENT_LETTERS: usize = 8;

/// So many random bytes.
pub(super) fn bytes<const N: usize>(random: &dyn Random) -> Result<[u8; N], NoRandom> {
    let mut bytes = [0; N];
    random.fill(&mut bytes)?;
    Ok(bytes)
}

/// The text of a service token: the moment in milliseconds since 1970, by which stores have it near those that were made
/// with it, and 256 random bits.
pub(super) fn service_token(random: &dyn Random, moment: u64) -> Result<Secret, NoRandom> {
    let [_, _, moment @ ..]: [u8; MOMENT_LEN + 2] = moment.to_be_bytes();
    let body = BASE64_URL_SAFE_NO_PAD.encode([&moment[..], &bytes::<SECRET_LEN>(random)?].concat());
    Ok(Secret::from(format!("{SERVICE_PREFIX}{body}")))
}

/// 24 letters and digits: the moment, for the same reason, and 16 of which each is as likely as any other.
pub(super) fn accessor(random: &dyn Random, moment: u64) -> Result<String, NoRandom> {
    let mut left = moment;
    let mut digits = [0_u8; MOMENT_LETTERS];
    for digit in digits.iter_mut().rev() {
        // Below 62, always a byte.
        *digit = u8::try_from(left % 62).unwrap_or_default();
        left /= 62;
    }
    // Whatever is left over above the last multiple of 62 would favour the first letters.
    let drawn = bytes::<64>(random)?;
    let drawn = drawn.iter().filter(|byte| usize::from(**byte) < 4 * LETTERS.len());
    let accessor: String = digits
        .iter()
        .chain(drawn)
        .filter_map(|byte| LETTERS.get(usize::from(*byte) % LETTERS.len()))
        .take(ACCESSOR_LEN)
        .map(|letter| char::from(*letter))
        .collect();
    if accessor.len() < ACCESSOR_LEN { Err(NoRandom) } else { Ok(accessor) }
}

/// A random UUID.
pub(super) fn uuid(random: &dyn Random) -> Result<String, NoRandom> {
    Ok(uuid_v4(bytes(random)?))
}

#[cfg(test)]
mod tests {
    use super::{accessor, service_token};
    use crate::core::client_token::TokenDigest;
    use crate::ports::{NoRandom, Random};

    /// The same byte over and over.
    #[derive(Debug)]
    struct Same(u8);

    impl Random for Same {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
            bytes.fill(self.0);
            Ok(())
        }
    }

    #[test]
    fn what_is_made_later_comes_later_in_a_store_whatever_is_drawn() {
        let moments = [1_u64, 61, 62, 63, 3_844, 1_700_000_000_000, 1_700_000_000_001, 1_800_000_000_000];
        let made = moments.map(|moment| {
            let (high, low) = (Same(247), Same(0));
            let token = |random: &Same| TokenDigest::of(service_token(random, moment).unwrap().expose());
            let accessors = [accessor(&low, moment).unwrap(), accessor(&high, moment).unwrap()];
            let [one, other] = [token(&low), token(&high)];
            (accessors, [one.min(other), one.max(other)])
        });
        for ((earlier_accessors, earlier), (later_accessors, later)) in made.iter().zip(made.iter().skip(1)) {
            assert!(earlier[1] < later[0], "{earlier:?} {later:?}");
            assert!(earlier_accessors[1] < later_accessors[0], "{earlier_accessors:?} {later_accessors:?}");
        }
    }

    #[test]
    fn what_is_made_at_one_moment_differs_by_what_is_drawn() {
        let (one, other) = (Same(1), Same(2));
        assert_ne!(service_token(&one, 7).unwrap().expose(), service_token(&other, 7).unwrap().expose());
        assert_ne!(accessor(&one, 7), accessor(&other, 7));
        // Bytes that would favour some letters are not taken.
        assert_eq!(accessor(&Same(248), 7), Err(NoRandom));
    }
}
