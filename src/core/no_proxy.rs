//! `NO_PROXY`: which hosts are reached without a proxy, by the rules of Go's `golang.org/x/net/http/httpproxy`, which Vault's
//! programs follow.

use std::net::IpAddr;

use ipnet::IpNet;

/// Hosts that are reached without a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoProxy {
    all: bool,
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Net(IpNet),
    Address(IpAddr, Option<u16>),
    /// The suffix begins with a dot; whether the name without the dot counts, too.
    Domain {
        suffix: String,
        itself: bool,
        port: Option<u16>,
    },
}

impl NoProxy {
    /// Reads a list with commas between: `*`, CIDRs, addresses and domains, the last two with or without a port. An entry
    /// that is none of these matches nothing.
    pub fn parse(text: &str) -> Self {
        let entries = || text.split(',').map(|entry| entry.trim().to_lowercase());
        if entries().any(|entry| entry == "*") {
            return Self { all: true, rules: Vec::new() };
        }
        Self { all: false, rules: entries().filter_map(|entry| rule(&entry)).collect() }
    }

    /// Whether a host, an IPv6 address in brackets or not, is reached directly at this port. The machine itself always is.
    pub fn contains(&self, host: &str, port: u16) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if self.all || is_loopback(&host) {
            return true;
        }
        let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        self.rules.iter().any(|rule| match (rule, address) {
            (Rule::Net(net), Some(address)) => net.contains(&address),
            (Rule::Address(one, at), Some(address)) => *one == address && at.is_none_or(|at| at == port),
            (Rule::Domain { suffix, itself, port: at }, None) => {
                let matches = host.ends_with(suffix) || (*itself && suffix.strip_prefix('.') == Some(&host));
                matches && at.is_none_or(|at| at == port)
            }
            _ => false,
        })
    }
}

/// `localhost` and what is below it (RFC 6761 section 6.3), 127.0.0.0/8 and ::1.
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn rule(entry: &str) -> Option<Rule> {
    if let Ok(net) = entry.parse::<IpNet>() {
        return Some(Rule::Net(net));
    }
    if let Some(address) = address(entry) {
        return Some(Rule::Address(address, None));
    }
    let (host, port) = match entry.rsplit_once(':') {
        None => (entry, None),
        Some((host, "")) => (host, None),
        // A port that is none matches nothing.
        Some((host, port)) => (host, Some(port.parse().ok()?)),
    };
    if let Some(address) = address(host) {
        return Some(Rule::Address(address, port));
    }
    let name = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
    match name.strip_prefix('.') {
        _ if name.is_empty() || name == "." || name.contains(':') => None,
        Some(_) => Some(Rule::Domain { suffix: name.to_owned(), itself: false, port }),
        None => Some(Rule::Domain { suffix: format!(".{name}"), itself: true, port }),
    }
}

fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::{NoProxy, is_loopback};

    #[test]
    fn entries_match_as_in_go() {
        // The list of Go's own test of `useProxy`, and more.
        let list = "foobar.com, .barbaz.net, *.wildcard.io, 192.168.1.1, 192.168.1.2:81, 192.168.1.3:80, 10.0.0.0/30, \
                    2001:db8::52:0:1, [2001:db8::52:0:2]:443, [2001:db8::52:0:3]:80, 2002:db8:a::45/64, UPPER.example, \
                    port.example:8443, dot.example.:443, :80, , bad.example:x, ::ffff:10.9.9.9";
        let no_proxy = NoProxy::parse(list);
        for (host, port, expected) in [
            ("www.barbaz.net", 443, true),
            ("barbaz.net", 443, false),
            ("foobar.com", 443, true),
            ("www.foobar.com", 443, true),
            ("FooBar.com", 443, true),
            ("foofoobar.com", 443, false),
            ("baz.com", 443, false),
            ("a.wildcard.io", 443, true),
            ("a.b.wildcard.io", 443, true),
            ("wildcard.io", 443, false),
            ("192.168.1.1", 443, true),
            ("192.168.1.2", 81, true),
            ("192.168.1.2", 443, false),
            ("192.168.1.3", 80, true),
            ("192.168.1.4", 443, false),
            ("10.0.0.2", 443, true),
            ("10.0.0.4", 443, false),
            ("[2001:db8::52:0:1]", 443, true),
            ("2001:db8::52:0:2", 443, true),
            ("[2001:db8::52:0:2]", 80, false),
            ("[2001:db8::52:0:3]", 443, false),
            ("[2002:db8:a::123]", 443, true),
            ("[2002:db8:b::123]", 443, false),
            ("a.upper.example", 443, true),
            ("port.example", 8443, true),
            ("port.example", 443, false),
            ("bad.example", 443, false),
            ("10.9.9.9", 443, true),
            ("[::ffff:10.0.0.1]", 443, true),
            ("kube.example", 80, false),
        ] {
            assert_eq!(no_proxy.contains(host, port), expected, "{host}:{port}");
        }
    }

    #[test]
    fn a_star_is_every_host_and_nothing_is_the_machine_itself() {
        for (list, expected) in [("*", true), ("a, * ,b", true), ("", false), ("*.", false), ("*x", false)] {
            assert_eq!(NoProxy::parse(list).contains("kube.example", 443), expected, "{list}");
            assert_eq!(NoProxy::parse(list).contains("10.0.0.1", 443), expected, "{list}");
        }
        for host in
            ["localhost", "LocalHost.", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "::ffff:127.0.0.1"]
        {
            assert!(is_loopback(host) && NoProxy::default().contains(host, 443), "{host}");
        }
        for host in ["localhost.example", "notlocalhost", "128.0.0.1", "[::2]", "10.0.0.1"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn an_address_is_no_part_of_a_domain() {
        // Go's CVE-2025-22870: a zone or a suffix must not make an address match a name.
        assert!(!NoProxy::parse(".0.0.1, 0.0.1").contains("10.0.0.1", 443));
    }
}
