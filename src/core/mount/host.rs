//! Whether a `kubernetes_host` can work at all: its form, not whether anything answers there.

use std::net::Ipv6Addr;

/// Why no request can be sent to a `kubernetes_host`. As in Vault it is stored nevertheless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostFault {
    /// Blanks or control characters; a line end at its end, for one.
    #[error("`kubernetes_host` holds blanks or control characters: write it without them")]
    Blanks,
    /// `kube:6443`, `ftp://kube`.
    #[error(
        "`kubernetes_host` does not begin with `https://` or `http://`: write it as in `https://kube.example.com:6443`"
    )]
    NoScheme,
    /// `https://`, `https:///x`.
    #[error("`kubernetes_host` names no host: write it as in `https://kube.example.com:6443`")]
    NoHost,
    /// `https://kube?a=b`, `https://kube#a`.
    #[error("`kubernetes_host` has a query or fragment, to which no path can be added: write it without")]
    Query,
    /// `https://::1:6443`.
    #[error(
        "`kubernetes_host` is an IPv6 address without brackets: write it as in `https://[2001:db8::1]:6443`"
    )]
    Brackets,
    /// `https://kube:65536`.
    #[error("`kubernetes_host` has a port that is none: write a number from 1 to 65535")]
    Port,
    /// `https://kübe`, `https://[kube]`.
    #[error(
        "`kubernetes_host` has characters that no host name, IPv4 address or IPv6 address in brackets has"
    )]
    Name,
}

impl HostFault {
    /// Why a host cannot work; none where it can.
    pub fn find(kubernetes_host: &str) -> Option<Self> {
        check(kubernetes_host).err()
    }

    /// Whether a read of the config says so in its `warnings`. Recorded reads of hosts with other faults have none.
    pub const fn is_warned_of(self) -> bool {
        matches!(self, Self::Query | Self::Brackets)
    }
}

fn check(url: &str) -> Result<(), HostFault> {
    if url.chars().any(|char| char.is_whitespace() || char.is_control()) {
        return Err(HostFault::Blanks);
    }
    let (scheme, rest) = url.split_once("://").ok_or(HostFault::NoScheme)?;
    if !["https", "http"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(HostFault::NoScheme);
    }
    if rest.contains(['?', '#']) {
        return Err(HostFault::Query);
    }
    let authority = rest.split('/').next().unwrap_or_default();
    // Userinfo does not count.
    let place = authority.rsplit('@').next().unwrap_or_default();
    match place.strip_prefix('[') {
        Some(bracketed) => {
            let (address, port) = bracketed.split_once(']').ok_or(HostFault::Brackets)?;
            address.parse::<Ipv6Addr>().map_err(|_| HostFault::Name)?;
            match port.strip_prefix(':') {
                Some(port) => check_port(port),
                None if port.is_empty() => Ok(()),
                None => Err(HostFault::Port),
            }
        }
        None if place.matches(':').count() > 1 => Err(HostFault::Brackets),
        None => {
            let (host, port) = place.split_once(':').unwrap_or((place, ""));
            check_name(host)?;
            check_port(port)
        }
    }
}

fn check_name(host: &str) -> Result<(), HostFault> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    match host {
        "" => Err(HostFault::NoHost),
        _ if host.bytes().all(fits) => Ok(()),
        _ => Err(HostFault::Name),
    }
}

/// A port, or none: the scheme's own.
fn check_port(port: &str) -> Result<(), HostFault> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let number = || port.parse::<u16>().is_ok_and(|number| number > 0);
    if port.is_empty() || (digits && number()) { Ok(()) } else { Err(HostFault::Port) }
}

#[cfg(test)]
mod tests {
    use super::HostFault;

    /// Hosts, and why they cannot work.
    const HOSTS: [(&str, Option<HostFault>); 38] = [
        ("https://kube.example.com:6443", None),
        ("https://kube", None),
        ("HTTPS://kube", None),
        ("http://127.0.0.1:8001", None),
        ("https://10.0.0.1/", None),
        ("https://kube.example.com./clusters/a", None),
        ("https://my_kube:443", None),
        ("https://kube:", None),
        ("https://[::1]", None),
        ("https://[2001:db8::1]:6443/k8s", None),
        ("https://user@kube:443", None),
        ("", Some(HostFault::NoScheme)),
        ("kube", Some(HostFault::NoScheme)),
        ("127.0.0.1:6443", Some(HostFault::NoScheme)),
        ("//kube", Some(HostFault::NoScheme)),
        ("::1", Some(HostFault::NoScheme)),
        ("ftp://kube", Some(HostFault::NoScheme)),
        ("https:/kube", Some(HostFault::NoScheme)),
        ("no such host", Some(HostFault::Blanks)),
        (" https://kube", Some(HostFault::Blanks)),
        ("https://kube\n", Some(HostFault::Blanks)),
        ("https://ku\u{a0}be", Some(HostFault::Blanks)),
        ("https://ku\u{0}be", Some(HostFault::Blanks)),
        ("https://", Some(HostFault::NoHost)),
        ("https:///x", Some(HostFault::NoHost)),
        ("https://:6443", Some(HostFault::NoHost)),
        ("https://kube?a=b", Some(HostFault::Query)),
        ("https://kube/?", Some(HostFault::Query)),
        ("https://kube/#a", Some(HostFault::Query)),
        ("https://::1:6443", Some(HostFault::Brackets)),
        ("https://2001:db8::1", Some(HostFault::Brackets)),
        ("https://::1]:6443", Some(HostFault::Brackets)),
        ("https://[::1:6443", Some(HostFault::Brackets)),
        ("https://kube:65536", Some(HostFault::Port)),
        ("https://kube:0", Some(HostFault::Port)),
        ("https://[::1]6443", Some(HostFault::Port)),
        ("https://k\u{fc}be", Some(HostFault::Name)),
        ("https://[kube]:6443", Some(HostFault::Name)),
    ];

    #[test]
    fn hosts_that_cannot_work_are_told_from_those_that_may() {
        for (host, fault) in HOSTS {
            assert_eq!(HostFault::find(host), fault, "{host:?}");
        }
    }

    #[test]
    fn only_a_query_and_missing_brackets_are_warned_of_when_the_config_is_read() {
        for (host, fault) in HOSTS {
            let expected = matches!(fault, Some(HostFault::Query | HostFault::Brackets));
            assert_eq!(fault.is_some_and(HostFault::is_warned_of), expected, "{host:?}");
        }
    }
}
