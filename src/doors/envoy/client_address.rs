//! Where a checked request comes from.

use std::net::IpAddr;

use super::request::RequestView;
use crate::config::ClientAddress;
use crate::doors::client_address;

/// The client's address, or none where it is not known.
pub(super) fn find(view: RequestView<'_>, source: ClientAddress) -> Option<IpAddr> {
    let peer = || client_address::parse(view.source_address());
    client_address::find(source, peer, |name| view.header(name))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::testing::Sent;
    use super::find;
    use crate::config::ClientAddress;

    fn forwarded_for(hops: usize) -> ClientAddress {
        ClientAddress::XForwardedFor(hops.try_into().unwrap())
    }

    fn address(text: &str) -> Option<IpAddr> {
        (!text.is_empty()).then(|| text.parse().unwrap())
    }

    #[test]
    fn the_peer_is_the_connections_whatever_headers_say() {
        for (peer, expected) in [
            ("10.0.0.1", "10.0.0.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
            ("", ""),
            ("/run/envoy.sock", ""),
        ] {
            let sent = Sent::default()
                .line("x-forwarded-for", "192.0.2.1")
                .line("x-envoy-external-address", "192.0.2.2")
                .peer(peer);
            assert_eq!(find(sent.view(), ClientAddress::Peer), address(expected), "{peer}");
        }
    }

    #[test]
    fn the_external_address_is_one_address_in_one_line() {
        let cases: [(&[&str], &str); 6] = [
            (&["192.0.2.1"], "192.0.2.1"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&[], ""),
            (&[""], ""),
            (&["192.0.2.1", "192.0.2.2"], ""),
            (&["unknown"], ""),
        ];
        for (lines, expected) in cases {
            let line = |sent: Sent, line: &&str| sent.line("x-envoy-external-address", line);
            let apart = lines.iter().fold(Sent::default().peer("10.0.0.1"), line);
            let joined = Sent::default().peer("10.0.0.1").joined("x-envoy-external-address", lines.join(","));
            for sent in [apart, joined] {
                let found = find(sent.view(), ClientAddress::XEnvoyExternalAddress);
                assert_eq!(found, address(expected), "{sent:?}");
            }
        }
    }

    #[test]
    fn the_nth_forwarded_address_is_counted_from_the_right_over_all_lines() {
        let cases: [(&[&str], usize, &str); 20] = [
            (&["192.0.2.1"], 1, "192.0.2.1"),
            (&["192.0.2.1, 192.0.2.2"], 1, "192.0.2.2"),
            (&["192.0.2.1, 192.0.2.2"], 2, "192.0.2.1"),
            (&["192.0.2.1,192.0.2.2,192.0.2.3"], 3, "192.0.2.1"),
            (&["192.0.2.1, 192.0.2.2", "192.0.2.3"], 1, "192.0.2.3"),
            (&["192.0.2.1, 192.0.2.2", "192.0.2.3"], 2, "192.0.2.2"),
            (&["192.0.2.1, 192.0.2.2", "192.0.2.3"], 3, "192.0.2.1"),
            (&["192.0.2.1, 192.0.2.2", "192.0.2.3"], 4, ""),
            (&["192.0.2.1"], 2, ""),
            (&["192.0.2.1"], usize::MAX, ""),
            (&[], 1, ""),
            (&["192.0.2.1, unknown"], 1, ""),
            (&["192.0.2.1, unknown"], 2, "192.0.2.1"),
            (&["192.0.2.1, "], 1, ""),
            (&["192.0.2.1,,192.0.2.2"], 3, "192.0.2.1"),
            (&["192.0.2.1:8080"], 1, "192.0.2.1"),
            (&["[2001:db8::1]:8080"], 1, "2001:db8::1"),
            (&["[2001:db8::1]"], 1, "2001:db8::1"),
            (&["2001:db8::1"], 1, "2001:db8::1"),
            (&["::ffff:192.0.2.1"], 1, "::ffff:192.0.2.1"),
        ];
        for (lines, hops, expected) in cases {
            let line = |sent: Sent, line: &&str| sent.line("x-forwarded-for", line);
            let apart = lines.iter().fold(Sent::default().peer("10.0.0.1"), line);
            let joined = Sent::default().peer("10.0.0.1").joined("x-forwarded-for", lines.join(","));
            for sent in [apart, joined] {
                assert_eq!(find(sent.view(), forwarded_for(hops)), address(expected), "{hops} of {sent:?}");
            }
        }
        let garbage = Sent::default().line("x-forwarded-for", b"192.0.2.1, \xff");
        assert_eq!(find(garbage.view(), forwarded_for(1)), None);
        assert_eq!(find(garbage.view(), forwarded_for(2)), address("192.0.2.1"));
    }
}
