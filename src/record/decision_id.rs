//! The id that ties an answer to its log line.

use std::sync::atomic::{AtomicU64, Ordering};

/// 32 hexadecimal digits: 16 of the process, 16 of the decision.
pub type DecisionId = [u8; DECISION_ID_LEN];

/// The length of a decision id in bytes.
pub const DECISION_ID_LEN: usize = 32;

/// Gives every decision of a process its own id.
#[derive(Debug)]
pub struct DecisionIds {
    process: u64,
    next: AtomicU64,
}

impl DecisionIds {
    /// Ids that begin with what tells this process from others, such as a random number.
    pub const fn new(process: u64) -> Self {
        Self { process, next: AtomicU64::new(0) }
    }

    /// An id that this process has not given before.
    pub fn next(&self) -> DecisionId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut id = [0; DECISION_ID_LEN];
        let (process, decision) = id.split_at_mut(DECISION_ID_LEN / 2);
        hexadecimal(self.process, process);
        hexadecimal(number, decision);
        id
    }
}

/// The id of a request that has one already: a UUID without its dashes.
pub fn of_uuid(uuid: &str) -> DecisionId {
    let mut id = [b'0'; DECISION_ID_LEN];
    let digits = uuid.bytes().filter(u8::is_ascii_hexdigit);
    id.iter_mut().zip(digits).for_each(|(place, digit)| *place = digit);
    id
}

fn hexadecimal(mut number: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        let low = (number & 0xf) as u8;
        *digit = if low < 10 { b'0' + low } else { b'a' + low - 10 };
        number >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::{DecisionIds, of_uuid};

    #[test]
    fn a_uuid_is_an_id_without_its_dashes() {
        assert_eq!(&of_uuid("01234567-89ab-4def-8123-456789abcdef"), b"0123456789ab4def8123456789abcdef");
        assert_eq!(&of_uuid(""), &[b'0'; 32]);
    }

    #[test]
    fn ids_differ_and_are_hexadecimal() {
        let ids = DecisionIds::new(0x0123_4567_89ab_cdef);
        assert_eq!(&ids.next(), b"0123456789abcdef0000000000000000");
        assert_eq!(&ids.next(), b"0123456789abcdef0000000000000001");
    }
}
