//! A stream with manners, where HTTP has no time-outs of its own: the peer must begin to speak in time, it must go on
//! reading what it is told, and at the end what it still says is heard out.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::reads::Turn;
use super::refused::Refused;

/// What an HTTP/2 client says first (RFC 9113 section 3.4). While that is incomplete, nobody times it.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long a peer may take to close after we have.
const LINGER: Duration = Duration::from_secs(2);

/// How long a peer may take to make room for more of what it is told, which is kept in memory meanwhile.
const UNREAD: Duration = Duration::from_secs(60);

/// Bytes that are read of a peer that makes no room. Every frame of 10 bytes may call for an answer that is kept in memory.
const AHEAD: usize = 256 * 1024;

/// Fails a read when the HTTP/2 preface, or the first byte that is none, does not come in time, and a write that the peer
/// makes no room for. Reads no more than a turn of the connection may read, and than [`AHEAD`] while a write waits.
///
/// A shutdown ends when the peer closes too. To close at once, with bytes of the peer unread, would make the kernel
/// reset the connection, and a reset destroys answers that the peer has not read yet.
#[derive(Debug)]
pub(super) struct Stream<T> {
    io: T,
    phase: Phase,
    /// Since the peer makes no room.
    unread: Option<Pin<Box<Sleep>>>,
    /// What was read since.
    ahead: usize,
    /// A read waits for the write.
    is_held: bool,
    turn: Turn,
    /// Followed once the peer has begun to speak HTTP/2.
    refused: Option<Refused>,
    is_http2: bool,
}

#[derive(Debug)]
enum Phase {
    Greeting { rest: &'static [u8], until: Pin<Box<Sleep>> },
    Talk,
    Lingering { until: Pin<Box<Sleep>> },
}

impl<T> Stream<T> {
    /// `greeting` is how long the first bytes may take.
    pub(super) fn new(io: T, greeting: Duration, turn: Turn) -> Self {
        let until = Box::pin(tokio::time::sleep(greeting));
        let phase = Phase::Greeting { rest: PREFACE, until };
        Self { io, phase, unread: None, ahead: 0, is_held: false, turn, refused: None, is_http2: false }
    }

    /// The same, and finds the requests that are refused over HTTP/2.
    pub(super) fn with_refused(self, refused: Option<Refused>) -> Self {
        Self { refused, ..self }
    }

    /// What came of a write, which is not waited for without an end.
    fn written<R>(&mut self, written: Poll<io::Result<R>>, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.unread = None;
            self.ahead = 0;
            if std::mem::take(&mut self.is_held) {
                cx.waker().wake_by_ref();
            }
            return written;
        }
        let until = self.unread.get_or_insert_with(|| Box::pin(tokio::time::sleep(UNREAD)));
        ready!(until.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Stream<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.turn.is_over() {
            // In the next turn.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.unread.is_some() && this.ahead >= AHEAD {
            this.is_held = true;
            return Poll::Pending;
        }
        let before = into.filled().len();
        let read = Pin::new(&mut this.io).poll_read(cx, into);
        let said = into.filled().get(before..).unwrap_or_default();
        this.turn.read(said.len());
        if this.unread.is_some() {
            this.ahead = this.ahead.saturating_add(said.len());
        }
        let Phase::Greeting { rest, until } = &mut this.phase else {
            return read;
        };
        match read {
            Poll::Ready(Ok(())) => {
                this.is_http2 = said.starts_with(rest);
                match rest.strip_prefix(said) {
                    Some(missing) if !missing.is_empty() => *rest = missing,
                    _ => {
                        this.phase = Phase::Talk;
                        this.turn.spoken();
                    }
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                ready!(until.as_mut().poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(cx, bytes);
        if let (Some(refused), true, Poll::Ready(Ok(length))) = (&mut this.refused, this.is_http2, &written) {
            refused.sent(bytes.get(..*length).unwrap_or_default());
        }
        this.written(written, cx)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_flush(cx);
        this.written(written, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if let Phase::Lingering { until } = &mut this.phase {
                return linger(&mut this.io, until.as_mut(), cx);
            }
            let written = Pin::new(&mut this.io).poll_shutdown(cx);
            ready!(this.written(written, cx))?;
            this.phase = Phase::Lingering { until: Box::pin(tokio::time::sleep(LINGER)) };
        }
    }

    // Never vectored: HTTP/2 then gathers the answers of many requests in one buffer (up to 1 KiB of each), where it
    // would otherwise make a system call for every one above 256 bytes. The system call costs more than the copy.
    fn is_write_vectored(&self) -> bool {
        false
    }
}

/// Reads and forgets until the peer has closed or the time is over.
fn linger<T>(io: &mut T, until: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<io::Result<()>>
where
    T: AsyncRead + Unpin,
{
    if until.poll(cx).is_ready() {
        return Poll::Ready(Ok(()));
    }
    let mut bytes = [0; 4096];
    loop {
        let mut into = ReadBuf::new(&mut bytes);
        match ready!(Pin::new(&mut *io).poll_read(cx, &mut into)) {
            Ok(()) if !into.filled().is_empty() => {}
            _ => return Poll::Ready(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::{Instant, sleep};

    use super::{AHEAD, Stream, UNREAD};
    use crate::net::reads::{PER_TURN, Turn};

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_slowly_is_waited_for_and_one_that_does_not_read_is_given_up() {
        let (near, mut far) = duplex(4);
        let mut stream = Stream::new(near, Duration::from_secs(1), Turn::new());
        let reader = tokio::spawn(async move {
            let mut read = [0; 4];
            for _ in 0..3 {
                sleep(UNREAD - Duration::from_secs(1)).await;
                far.read_exact(&mut read).await.unwrap();
            }
            far
        });
        stream.write_all(&[7; 16]).await.unwrap();
        let _far = reader.await.unwrap();

        let began = Instant::now();
        let error = stream.write_all(&[7; 16]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(began.elapsed() >= UNREAD);
    }
    /// Reads what can be read now, in turns if these are given.
    async fn read_now(stream: &mut Stream<tokio::io::DuplexStream>, turn: Option<&Turn>) -> usize {
        let (mut read, mut bytes) = (0, [0; 4096]);
        loop {
            if let Some(turn) = turn {
                turn.begin();
            }
            match futures_util::FutureExt::now_or_never(stream.read(&mut bytes)) {
                Some(length) => read += length.unwrap(),
                None => return read,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_reads_so_much_and_the_next_one_goes_on() {
        let (near, mut far) = duplex(4 * PER_TURN);
        let turn = Turn::new();
        let mut stream = Stream::new(near, Duration::from_secs(1), turn.clone());
        far.write_all(&vec![7; 2 * PER_TURN + 1]).await.unwrap();
        for expected in [PER_TURN, PER_TURN, 1, 0] {
            assert_eq!(read_now(&mut stream, None).await, expected);
            turn.begin();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_is_read_no_further_until_it_does() {
        let (near, mut far) = duplex(4 * AHEAD);
        let turn = Turn::new();
        let mut stream = Stream::new(near, Duration::from_secs(1), turn.clone());
        far.write_all(&vec![7; 2 * AHEAD]).await.unwrap();
        let answer = vec![7; 4 * AHEAD + 1];
        let written = futures_util::FutureExt::now_or_never(stream.write_all(&answer));
        assert!(written.is_none(), "the peer does not read");
        assert_eq!(read_now(&mut stream, Some(&turn)).await, AHEAD);

        // A task of tokio reads so often only between two waits.
        tokio::task::yield_now().await;
        far.read_exact(&mut vec![0; 4 * AHEAD]).await.unwrap();
        stream.write_all(&[7]).await.unwrap();
        assert_eq!(read_now(&mut stream, Some(&turn)).await, AHEAD, "the rest");
    }
}
