//! Bodies, received within bounds: of each one's size and time, and of the bytes of all of them together.

mod begun;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(super) use begun::Begun;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// Longer than one may be.
    TooLarge,
    /// Not here in time.
    TooSlow,
    /// All bodies together would take too much memory, and none was done with in time.
    Crowded,
    /// It ended before its end.
    Broken,
}

/// The bytes that bodies may take.
#[derive(Debug)]
pub(super) struct Bodies {
    each: usize,
    room: Arc<Semaphore>,
}

/// A body, and its place among all of them.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    /// At most `each` bytes of one body, `all` bytes of all.
    pub(super) fn new(each: usize, all: usize) -> Self {
        Self { each, room: Arc::new(Semaphore::new(all.clamp(each, Semaphore::MAX_PERMITS))) }
    }

    /// Receives a whole body until `by`.
    pub(super) async fn receive<B>(&self, mut body: B, by: Instant) -> Result<Received, BodyError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        // One that says that it is too long is not waited for.
        if body.size_hint().lower() > u64::try_from(self.each).unwrap_or(u64::MAX) {
            return Err(BodyError::TooLarge);
        }
        let mut first = Bytes::new();
        let mut more = BytesMut::new();
        let mut room = None;
        while !body.is_end_stream() {
            let Ok(frame) = tokio::time::timeout_at(by.into(), body.frame()).await else {
                return Err(BodyError::TooSlow);
            };
            let data = match frame {
                None => break,
                Some(Err(_)) => return Err(BodyError::Broken),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => data,
                    Err(_trailers) => continue,
                },
            };
            let length = first.len().max(more.len());
            if data.len() > self.each.saturating_sub(length) {
                return Err(BodyError::TooLarge);
            }
            self.make_room(&mut room, data.len(), by).await?;
            if first.is_empty() {
                first = data;
            } else {
                if more.is_empty() {
                    more.extend_from_slice(&first);
                }
                more.extend_from_slice(&data);
            }
        }
        Ok(Received { bytes: if more.is_empty() { first } else { more.freeze() }, _room: room })
    }

    /// Takes place for bytes that are here, so that nobody holds any by promises.
    async fn make_room(
        &self,
        room: &mut Option<OwnedSemaphorePermit>,
        bytes: usize,
        by: Instant,
    ) -> Result<(), BodyError> {
        let wanted = u32::try_from(bytes).map_err(|_| BodyError::TooLarge)?;
        let taken = match Arc::clone(&self.room).try_acquire_many_owned(wanted) {
            Ok(taken) => taken,
            Err(_) => {
                let waiting = Arc::clone(&self.room).acquire_many_owned(wanted);
                match tokio::time::timeout_at(by.into(), waiting).await {
                    Ok(Ok(taken)) => taken,
                    _ => return Err(BodyError::Crowded),
                }
            }
        };
        match room {
            Some(room) => room.merge(taken),
            None => *room = Some(taken),
        }
        Ok(())
    }
}

/// How bodies are bounded, for [`Limits`](super::door::Limits).
pub(super) const EACH: usize = 32 << 20;
pub(super) const ALL: usize = 256 << 20;
pub(super) const TIME: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
