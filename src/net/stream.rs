//! A stream with manners, where HTTP has no time-outs of its own: the peer must begin to speak in time, it must go on
//! reading what it is told, and at the end what it still says is heard out.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// What an HTTP/2 client says first (RFC 9113 section 3.4). While that is incomplete, nobody times it.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long a peer may take to close after we have.
const LINGER: Duration = Duration::from_secs(2);

/// How long a peer may take to make room for more of what it is told, which is kept in memory meanwhile.
const UNREAD: Duration = Duration::from_secs(60);

/// Fails a read when the HTTP/2 preface, or the first byte that is none, does not come in time, and a write that the peer
/// makes no room for.
///
/// A shutdown ends when the peer closes too. To close at once, with bytes of the peer unread, would make the kernel
/// reset the connection, and a reset destroys answers that the peer has not read yet.
#[derive(Debug)]
pub(super) struct Stream<T> {
    io: T,
    phase: Phase,
    /// Since the peer makes no room.
    unread: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
enum Phase {
    Greeting { rest: &'static [u8], until: Pin<Box<Sleep>> },
    Talk,
    Lingering { until: Pin<Box<Sleep>> },
}

impl<T> Stream<T> {
    /// `greeting` is how long the first bytes may take.
    pub(super) fn new(io: T, greeting: Duration) -> Self {
        let until = Box::pin(tokio::time::sleep(greeting));
        Self { io, phase: Phase::Greeting { rest: PREFACE, until }, unread: None }
    }

    /// What came of a write, which is not waited for without an end.
    fn written<R>(&mut self, written: Poll<io::Result<R>>, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.unread = None;
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
        let Phase::Greeting { rest, until } = &mut this.phase else {
            return Pin::new(&mut this.io).poll_read(cx, into);
        };
        let before = into.filled().len();
        match Pin::new(&mut this.io).poll_read(cx, into) {
            Poll::Ready(Ok(())) => {
                let said = into.filled().get(before..).unwrap_or_default();
                match rest.strip_prefix(said) {
                    Some(missing) if !missing.is_empty() => *rest = missing,
                    _ => this.phase = Phase::Talk,
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

    use super::{Stream, UNREAD};

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_slowly_is_waited_for_and_one_that_does_not_read_is_given_up() {
        let (near, mut far) = duplex(4);
        let mut stream = Stream::new(near, Duration::from_secs(1));
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
}
