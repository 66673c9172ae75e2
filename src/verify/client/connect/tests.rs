//! Tests of what is a refusal, and of several addresses.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use rustix::io::Errno;
use rustls::{AlertDescription, CertificateError, Error};

use super::{ConnectError, ResolveError, tcp, weightier};

fn tcp_error(number: Errno) -> ConnectError {
    ConnectError::from_tcp(io::Error::from(number))
}

#[test]
fn only_what_the_network_or_the_other_side_says_is_a_refusal() {
    let tls = |error| ConnectError::Tls(Arc::new(io::Error::new(io::ErrorKind::InvalidData, error).into()));
    for refusal in [
        ConnectError::Resolve(ResolveError::NoSuchName),
        tcp_error(Errno::CONNREFUSED),
        tcp_error(Errno::HOSTUNREACH),
        tcp_error(Errno::NETUNREACH),
        tls(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
        tls(Error::AlertReceived(AlertDescription::HandshakeFailure)),
    ] {
        assert!(refusal.is_refusal() && !refusal.is_local(), "{refusal:?}");
    }
    for other in [
        ConnectError::Resolve(ResolveError::NoAddress),
        ConnectError::Resolve(ResolveError::Ended),
        ConnectError::TimedOut(super::CONNECT),
        tcp_error(Errno::TIMEDOUT),
        tcp_error(Errno::CONNRESET),
        tcp_error(Errno::PIPE),
        tls(Error::AlertReceived(AlertDescription::InternalError)),
        ConnectError::Tls(Arc::new(io::Error::from(io::ErrorKind::UnexpectedEof).into())),
        ConnectError::Tls(Arc::new(io::Error::from(Errno::CONNRESET).into())),
    ] {
        assert!(!other.is_refusal() && !other.is_local(), "{other:?}");
    }
    for local in [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL, Errno::NOBUFS] {
        assert!(tcp_error(local).is_local() && !tcp_error(local).is_refusal(), "{local:?}");
    }
}

#[test]
fn addresses_refuse_together_or_not_at_all() {
    let refused = || tcp_error(Errno::CONNREFUSED);
    assert!(weightier(Some(refused()), refused()).is_refusal());
    assert!(!weightier(Some(tcp_error(Errno::TIMEDOUT)), refused()).is_refusal());
    assert!(!weightier(Some(refused()), tcp_error(Errno::MFILE)).is_refusal());
}

#[tokio::test]
async fn the_next_address_is_tried_where_one_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let good = listener.local_addr().unwrap();
    let refused = {
        let gone = TcpListener::bind("127.0.0.1:0").unwrap();
        gone.local_addr().unwrap()
    };
    let stream = tcp(&[refused, refused, good]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), good);
    assert!(tcp(&[refused, refused]).await.unwrap_err().is_refusal());
    assert!(!tcp(&[]).await.unwrap_err().is_refusal());
}
