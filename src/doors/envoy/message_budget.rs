//! The bound on the memory of messages that are being read or decided over.
//!
//! A message within one HTTP/2 frame is a slice of what the connection has read, which the limits on frames and streams
//! bound. A longer one is copied together, and the flow-control window opens again as it is read; that copy is what is
//! bounded here, for each connection and for the process. What does not fit is refused at once and not waited for: a
//! message that waits would keep the connection's window from others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// For one connection, where the limit on one message is the default.
const CONNECTION_BYTES: usize = 32 << 20;

/// For all connections.
const PROCESS_BYTES: usize = 256 << 20;

/// So many of the largest messages fit, whatever the limit on one is.
const MESSAGES: usize = 2;

/// The bytes that all connections of a listener may hold. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct ProcessBudget {
    pool: Arc<Pool>,
    connection_bytes: usize,
}

/// The bytes that one connection may hold. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct MessageBudget(Arc<Pools>);

#[derive(Debug)]
struct Pools {
    connection: Pool,
    process: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    taken: AtomicUsize,
    limit: usize,
}

/// More than the budget holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OverBudget;

impl ProcessBudget {
    /// A budget for messages of at most `max_message_bytes`, which fits [`PROCESS_BYTES`] several times.
    pub(super) fn new(max_message_bytes: usize) -> Self {
        let connection_bytes = CONNECTION_BYTES.max(max_message_bytes.saturating_mul(MESSAGES));
        Self { pool: Arc::new(Pool::new(PROCESS_BYTES)), connection_bytes }
    }

    /// The budget of a new connection, within this one.
    pub(super) fn connection(&self) -> MessageBudget {
        MessageBudget(Arc::new(Pools {
            connection: Pool::new(self.connection_bytes),
            process: Arc::clone(&self.pool),
        }))
    }
}

impl MessageBudget {
    /// The share of one message, empty at first.
    pub(super) fn charge(&self) -> Charge {
        Charge { budget: self.clone(), bytes: 0 }
    }
}

/// What one message has taken of a budget; given back when this is dropped.
#[derive(Debug)]
pub(super) struct Charge {
    budget: MessageBudget,
    bytes: usize,
}

impl Charge {
    /// Takes so many bytes more.
    ///
    /// # Errors
    /// Where the connection or the process has too few left.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), OverBudget> {
        let Pools { connection, process } = &*self.budget.0;
        connection.take(bytes)?;
        process.take(bytes).inspect_err(|_| connection.give_back(bytes))?;
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.bytes > 0 {
            let Pools { connection, process } = &*self.budget.0;
            connection.give_back(self.bytes);
            process.give_back(self.bytes);
        }
    }
}

impl Pool {
    const fn new(limit: usize) -> Self {
        Self { taken: AtomicUsize::new(0), limit }
    }

    fn take(&self, bytes: usize) -> Result<(), OverBudget> {
        let more = |taken: usize| taken.checked_add(bytes).filter(|taken| *taken <= self.limit);
        // Only the number counts, nothing is read by it.
        match self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(()),
            Err(_) => Err(OverBudget),
        }
    }

    fn give_back(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{CONNECTION_BYTES, OverBudget, PROCESS_BYTES, ProcessBudget};

    const MIB: usize = 1 << 20;

    #[test]
    fn the_messages_of_a_connection_share_its_bytes_and_give_them_back() {
        let process = ProcessBudget::new(4 * MIB);
        let connection = process.connection();
        let (mut one, mut two) = (connection.charge(), connection.charge());
        assert_eq!(one.grow(CONNECTION_BYTES - 10), Ok(()));
        assert_eq!(two.grow(11), Err(OverBudget));
        assert_eq!(two.grow(10), Ok(()));
        assert_eq!(one.grow(1), Err(OverBudget));
        assert_eq!(process.connection().charge().grow(CONNECTION_BYTES), Ok(()), "another connection");
        drop(one);
        assert_eq!(two.grow(CONNECTION_BYTES - 10), Ok(()));
        drop(two);
        assert_eq!(process.pool.taken.load(std::sync::atomic::Ordering::Relaxed), 0);
    }

    #[test]
    fn the_connections_share_the_bytes_of_the_process() {
        let process = ProcessBudget::new(4 * MIB);
        let mut held = Vec::new();
        for _ in 0..PROCESS_BYTES / CONNECTION_BYTES {
            let mut charge = process.connection().charge();
            charge.grow(CONNECTION_BYTES).unwrap();
            held.push(charge);
        }
        let last = process.connection();
        assert_eq!(last.charge().grow(1), Err(OverBudget));
        drop(held.pop());
        assert_eq!(last.charge().grow(CONNECTION_BYTES), Ok(()), "the refused byte is not counted");
    }

    #[test]
    fn a_connection_has_room_for_messages_of_the_largest_size() {
        let connection = ProcessBudget::new(64 * MIB).connection();
        let (mut one, mut two) = (connection.charge(), connection.charge());
        assert_eq!((one.grow(64 * MIB), two.grow(64 * MIB)), (Ok(()), Ok(())));
        assert_eq!(connection.charge().grow(1), Err(OverBudget));
    }
}
