//! `token_bound_cidrs`: addresses, networks and socket paths that a peer must be one of.

use std::net::IpAddr;

use ipnet::IpNet;

/// One entry of `token_bound_cidrs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoundCidr {
    /// A network, or a host as the network of itself alone. IPv4-mapped IPv6 is kept as IPv4.
    Net(IpNet),
    /// A Unix socket's path, as the reference takes whatever has a slash and is no network. Fits no IP address.
    Unix(String),
}

/// An entry that is no address, network or socket path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error parsing address {0:?}: Unable to convert {0:?} to an IPv4 or IPv6 address, or a UNIX Socket")]
pub struct CidrError(String);

impl BoundCidr {
    /// Reads one entry, with the reference's leniency and text.
    ///
    /// # Errors
    /// Where the text is no IP address, no network and has no slash.
    pub fn parse(text: &str) -> Result<Self, CidrError> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Net(IpNet::from(address.to_canonical())));
        }
        match text.parse::<IpNet>() {
            Ok(net) => Ok(Self::Net(canonical(net))),
            Err(_) if text.contains('/') => Ok(Self::Unix(text.to_owned())),
            Err(_) => Err(CidrError(text.to_owned())),
        }
    }

    /// The entry as reads show it: as it was given, but for the quotes that the reference puts around a path, twice.
    pub fn shown(&self) -> String {
        match self {
            Self::Net(_) => self.to_string(),
            Self::Unix(path) => format!("{:?}", format!("{path:?}")),
        }
    }

    /// Whether the peer is in this entry.
    pub fn contains(&self, peer: IpAddr) -> bool {
        match self {
            Self::Net(net) => net.contains(&peer.to_canonical()),
            Self::Unix(_) => false,
        }
    }
}

impl std::fmt::Display for BoundCidr {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Net(net) if net.prefix_len() == net.max_prefix_len() => net.addr().fmt(formatter),
            Self::Net(net) => net.fmt(formatter),
            Self::Unix(path) => path.fmt(formatter),
        }
    }
}

/// An IPv4-mapped network (`::ffff:10.0.0.0/104`) as the IPv4 network that it means.
fn canonical(net: IpNet) -> IpNet {
    if let IpNet::V6(v6) = net
        && let (Some(v4), Some(prefix)) = (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96))
        && let Ok(mapped) = ipnet::Ipv4Net::new(v4, prefix)
    {
        return IpNet::V4(mapped);
    }
    net
}

#[cfg(test)]
mod tests {
    use super::BoundCidr;

    #[test]
    fn addresses_fit_by_family_and_through_the_mapped_form() {
        let cases = [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("2001:db8::/32", "2001:db8::1", true),
            ("2001:db8::/32", "10.0.0.1", false),
            ("::/0", "10.0.0.1", false),
            ("0.0.0.0/0", "::1", false),
            ("10.0.0.0/33", "10.0.0.1", false),
        ];
        for (bound, peer, expected) in cases {
            let cidr = BoundCidr::parse(bound).unwrap();
            assert_eq!(cidr.contains(peer.parse().unwrap()), expected, "{peer} in {bound}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_in_the_references_words() {
        assert_eq!(
            BoundCidr::parse("x").unwrap_err().to_string(),
            r#"error parsing address "x": Unable to convert "x" to an IPv4 or IPv6 address, or a UNIX Socket"#
        );
    }

    #[test]
    fn hosts_are_shown_without_a_prefix_length() {
        for text in ["10.0.0.1", "10.0.0.0/8", "/run/x.sock", "2001:db8::1"] {
            assert_eq!(BoundCidr::parse(text).unwrap().to_string(), text);
        }
    }
}
