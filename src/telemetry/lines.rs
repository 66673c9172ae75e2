//! Log lines on their way to standard error, written by a thread of their own.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender, TrySendError};
use std::time::{Duration, Instant};

/// Lines that wait for a slow reader; later ones are lost rather than requests held up.
const WAITING: usize = 16 * 1024;

/// How long the last lines may take at the end, and how long to wait between two tries to announce it.
const LAST: Duration = Duration::from_secs(1);
const TRY: Duration = Duration::from_millis(10);

enum Message {
    Line(Vec<u8>),
    /// All before it has been written once this is answered.
    End(Sender<()>),
}

/// Takes lines without waiting. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    sender: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

impl Lines {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Self> {
        let (sender, receiver) = mpsc::sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        std::thread::Builder::new().name("logs".to_owned()).spawn({
            let lost = lost.clone();
            move || write_all(&receiver, &lost)
        })?;
        Ok(Self { sender, lost })
    }

    /// Waits until everything so far is written, a second at most.
    pub(super) fn end(&self) {
        let (written, wait) = mpsc::channel();
        let until = Instant::now() + LAST;
        let mut message = Message::End(written);
        while Instant::now() < until {
            match self.sender.try_send(message) {
                Ok(()) => {
                    let _ended = wait.recv_timeout(until.saturating_duration_since(Instant::now()));
                    return;
                }
                Err(TrySendError::Full(back)) => message = back,
                Err(TrySendError::Disconnected(_)) => return,
            }
            std::thread::sleep(TRY);
        }
    }
}

impl io::Write for Lines {
    /// Takes a whole line, as `tracing_subscriber` hands them over.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.sender.try_send(Message::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_all(messages: &Receiver<Message>, lost: &AtomicU64) {
    for message in messages {
        match message {
            Message::Line(line) => {
                // Where standard error is closed there is nobody to tell.
                let _written = io::stderr().write_all(&line);
            }
            Message::End(written) => {
                let _told = written.send(());
            }
        }
        let lines = lost.swap(0, Ordering::Relaxed);
        if lines > 0 {
            tracing::warn!(lines, "log lines were lost, standard error is read too slowly");
        }
    }
}
