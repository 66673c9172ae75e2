//! Requests that the HTTP/2 library refuses before the service sees them. It resets their streams and says so to nobody,
//! so that they are found in what it sends.

use std::fmt;
use std::sync::Arc;

use super::Peer;

/// The length of a frame's header, the type and the error that are looked for (RFC 9113 sections 4.1, 6.4 and 7).
const HEADER: usize = 9;
const RST_STREAM: u8 = 3;
const PROTOCOL_ERROR: u32 = 1;

/// What is called for each refused request of a listener. Cheap to clone.
#[derive(Clone, Default)]
pub struct OnRefused(Option<Arc<dyn Fn(Peer) + Send + Sync>>);

impl OnRefused {
    /// Calls this, which must not block.
    pub fn new(call: impl Fn(Peer) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(call)))
    }

    /// For the connection of a peer; none: nobody wants to know.
    pub(super) fn of_connection(&self, peer: Peer) -> Option<Refused> {
        let call = self.0.clone()?;
        Some(Refused { call, peer, header: [0; HEADER], filled: 0, left: 0, error: 0 })
    }
}

impl fmt::Debug for OnRefused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("OnRefused").field(&self.0.is_some()).finish()
    }
}

/// Follows the frames that are sent on one connection.
pub(super) struct Refused {
    call: Arc<dyn Fn(Peer) + Send + Sync>,
    peer: Peer,
    header: [u8; HEADER],
    /// Bytes of the header so far.
    filled: usize,
    /// Bytes of the payload that are still to come.
    left: usize,
    /// The last four bytes of a reset's payload.
    error: u32,
}

impl fmt::Debug for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Refused").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Refused {
    /// Takes the next bytes that are sent, in any cut.
    pub(super) fn sent(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.filled < HEADER {
                bytes = self.take_header(bytes);
                continue;
            }
            let (payload, rest) = bytes.split_at_checked(self.left).unwrap_or((bytes, &[]));
            if self.is_reset() {
                self.error = payload.iter().fold(self.error, |error, byte| error << 8 | u32::from(*byte));
            }
            self.left -= payload.len();
            bytes = rest;
            if self.left == 0 {
                self.filled = 0;
                if self.is_reset() && self.error == PROTOCOL_ERROR {
                    (self.call)(self.peer);
                }
            }
        }
    }

    fn take_header<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let missing = self.header.get_mut(self.filled..).unwrap_or_default();
        let (part, rest) = bytes.split_at_checked(missing.len()).unwrap_or((bytes, &[]));
        for (to, from) in missing.iter_mut().zip(part) {
            *to = *from;
        }
        self.filled += part.len();
        if self.filled == HEADER {
            let [a, b, c, ..] = self.header;
            self.left = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
            self.error = 0;
            if self.left == 0 {
                self.filled = 0;
            }
        }
        rest
    }

    const fn is_reset(&self) -> bool {
        let [_, _, _, kind, ..] = self.header;
        kind == RST_STREAM
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::OnRefused;
    use crate::net::Peer;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[..], &[kind, 0, 0, 0, 0, 1], payload].concat()
    }

    fn count(pieces: &[&[u8]]) -> usize {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let peer = Peer(([127, 0, 0, 1], 1).into());
        let on_refused = OnRefused::new(move |of| {
            assert_eq!(of, peer);
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let mut refused = on_refused.of_connection(peer).unwrap();
        for piece in pieces {
            refused.sent(piece);
        }
        count.load(Ordering::SeqCst)
    }

    proptest! {
        #[test]
        fn resets_for_malformed_requests_are_found_in_every_cut(
            frames in proptest::collection::vec((0_u8..10, proptest::collection::vec(any::<u8>(), 0..40)), 0..10),
            mut cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..10),
            resets in 0_usize..4,
        ) {
            let mut sent = Vec::new();
            for (kind, payload) in frames {
                // Others end their streams, too, for another reason.
                sent.extend(if kind == 3 { frame(3, &[0, 0, 0, 8]) } else { frame(kind, &payload) });
            }
            for _ in 0..resets {
                sent.extend(frame(3, &[0, 0, 0, 1]));
                sent.extend(frame(0, &[0, 0, 0, 1]));
            }
            let mut ends: Vec<usize> = cuts.drain(..).map(|cut| cut.index(sent.len() + 1)).collect();
            ends.sort_unstable();
            ends.push(sent.len());
            let mut from = 0;
            let mut pieces = Vec::new();
            for end in ends {
                pieces.push(&sent[from..end]);
                from = end;
            }
            prop_assert_eq!(count(&pieces), resets);
        }
    }
}
