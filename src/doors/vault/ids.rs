//! Ids of requests.

use std::sync::{Arc, Mutex, PoisonError};

use uuid::Builder;

use crate::ports::{NoRandom, Random};

/// Bytes taken from the operating system at a time, for as many ids as fit.
const KEPT: usize = 1024;

/// The bytes of one id.
const LENGTH: usize = 16;

/// Gives every request a random id.
#[derive(Debug)]
pub(super) struct RequestIds {
    random: Arc<dyn Random>,
    kept: Mutex<Kept>,
}

struct Kept {
    bytes: [u8; KEPT],
    used: usize,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Kept").field("used", &self.used).finish_non_exhaustive()
    }
}

impl RequestIds {
    pub(super) fn new(random: Arc<dyn Random>) -> Self {
        Self { random, kept: Mutex::new(Kept { bytes: [0; KEPT], used: KEPT }) }
    }

    /// A UUID of version 4.
    pub(super) fn next(&self) -> Result<String, NoRandom> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { bytes, used } = &mut *kept;
        if *used >= KEPT {
            self.random.fill(bytes)?;
            *used = 0;
        }
        let id = bytes.get(*used..).and_then(<[u8]>::first_chunk::<LENGTH>).copied().ok_or(NoRandom)?;
        *used = used.saturating_add(LENGTH);
        drop(kept);
        Ok(Builder::from_random_bytes(id).into_uuid().to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

    use super::RequestIds;
    use crate::ports::{NoRandom, Random};

    /// Counts what it is asked; fails where it should.
    #[derive(Debug, Default)]
    struct Counting {
        asked: AtomicUsize,
        next: AtomicU8,
        fails: bool,
    }

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if self.fails {
                return Err(NoRandom);
            }
            // Each sixteen bytes differ from all others.
            for chunk in bytes.chunks_mut(16) {
                chunk.fill(self.next.fetch_add(1, Ordering::SeqCst));
            }
            Ok(())
        }
    }

    #[test]
    fn ids_are_uuids_of_version_4_and_all_differ() {
        let random = Arc::new(Counting::default());
        let ids = RequestIds::new(random.clone());
        assert_eq!(ids.next().unwrap(), "00000000-0000-4000-8000-000000000000");
        assert_eq!(ids.next().unwrap(), "01010101-0101-4101-8101-010101010101");
        let more: HashSet<String> = (0..126).map(|_| ids.next().unwrap()).collect();
        assert_eq!((more.len(), random.asked.load(Ordering::SeqCst)), (126, 2));
    }

    #[test]
    fn without_randomness_there_is_no_id() {
        let ids = RequestIds::new(Arc::new(Counting { fails: true, ..Counting::default() }));
        assert_eq!((ids.next(), ids.next()), (Err(NoRandom), Err(NoRandom)));
    }
}
