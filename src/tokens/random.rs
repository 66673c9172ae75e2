//! Names that nobody can guess.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use crate::core::client_token::SERVICE_PREFIX;
use crate::core::mount::about::uuid_v4;
use crate::core::secret::Secret;
use crate::ports::{NoRandom, Random};

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const ACCESSOR_LEN: usize = 24;

/// So many random bytes.
pub(super) fn bytes<const N: usize>(random: &dyn Random) -> Result<[u8; N], NoRandom> {
    let mut bytes = [0; N];
    random.fill(&mut bytes)?;
    Ok(bytes)
}

/// The text of a service token, of 256 random bits.
pub(super) fn service_token(random: &dyn Random) -> Result<Secret, NoRandom> {
    let body = BASE64_URL_SAFE_NO_PAD.encode(bytes::<32>(random)?);
    Ok(Secret::from(format!("{SERVICE_PREFIX}{body}")))
}

/// 24 letters and digits, each as likely as any other.
pub(super) fn accessor(random: &dyn Random) -> Result<String, NoRandom> {
    // Whatever is left over above the last multiple of 62 would favour the first letters.
    let drawn = bytes::<96>(random)?;
    let accessor: String = drawn
        .iter()
        .filter(|byte| usize::from(**byte) < 4 * LETTERS.len())
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
