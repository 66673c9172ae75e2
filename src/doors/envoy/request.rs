//! What the door reads of a CheckRequest: one way to its headers, whichever way Envoy encoded them.

use std::net::{IpAddr, SocketAddr};

use super::wire::lean;
use super::wire::lean::address::Address;
use super::wire::lean::socket_address::PortSpecifier;
use super::wire::lean::value::Kind;

/// A borrowed look at one CheckRequest. What is not there reads as empty.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a> {
    attributes: Option<&'a lean::AttributeContext>,
    http: Option<&'a lean::attribute_context::HttpRequest>,
}

impl<'a> RequestView<'a> {
    /// Looks at a decoded message.
    pub fn new(request: &'a lean::CheckRequest) -> Self {
        let attributes = request.attributes.as_ref();
        let http = attributes.and_then(|attributes| attributes.request.as_ref()?.http.as_ref());
        Self { attributes, http }
    }

    /// Every header line: those of `header_map` where Envoy encodes raw headers, else those of `headers`.
    pub fn headers(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let raw = self.http.and_then(|http| http.header_map.as_ref()).map_or(&[][..], |map| &map.headers);
        let joined = match (raw, self.http) {
            ([], Some(http)) => &http.headers[..],
            _ => &[][..],
        };
        let raw = raw.iter().map(|line| {
            let value = if line.raw_value.is_empty() { &line.value } else { &line.raw_value };
            (&line.key[..], &value[..])
        });
        raw.chain(joined.iter().map(|entry| (&entry.key[..], &entry.value[..])))
    }

    /// Whether header lines are as the client sent them. Else Envoy has replaced each byte outside of UTF-8 by `!`.
    pub fn has_raw_headers(self) -> bool {
        let map = self.http.and_then(|http| http.header_map.as_ref());
        map.is_some_and(|map| !map.headers.is_empty())
    }

    /// The values of every header line of that lower-case name.
    pub fn header(self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// The request's path with its query, as it was sent.
    pub fn path_and_query(self) -> &'a [u8] {
        self.http.map_or(&[], |http| &http.path)
    }

    /// The path before `?`, and the query after it.
    pub fn path_query(self) -> (&'a [u8], &'a [u8]) {
        let whole = self.path_and_query();
        whole.iter().position(|byte| *byte == b'?').map_or((whole, &[][..]), |at| {
            (whole.get(..at).unwrap_or_default(), whole.get(at.saturating_add(1)..).unwrap_or_default())
        })
    }

    /// The request's method.
    pub fn method(self) -> &'a [u8] {
        self.http.map_or(&[], |http| &http.method)
    }

    /// The request's host, with a port where it was sent with one.
    pub fn host(self) -> &'a [u8] {
        self.http.map_or(&[], |http| &http.host)
    }

    /// The address of the connection's peer, as text.
    pub fn source_address(self) -> &'a [u8] {
        let address = self
            .attributes
            .and_then(|attributes| attributes.source.as_ref()?.address.as_ref()?.address.as_ref());
        match address {
            Some(Address::SocketAddress(address)) => &address.address,
            Some(Address::Pipe(_) | Address::EnvoyInternalAddress(_)) | None => &[],
        }
    }

    /// The client's end of the downstream connection, where it is an address with a port.
    pub fn source_connection(self) -> Option<SocketAddr> {
        let source = self.attributes?.source.as_ref()?.address.as_ref()?.address.as_ref()?;
        let Address::SocketAddress(lean::SocketAddress { address, port_specifier }) = source else {
            return None;
        };
        let PortSpecifier::PortValue(port) = port_specifier.as_ref()?;
        let address: IpAddr = std::str::from_utf8(address).ok()?.parse().ok()?;
        Some(SocketAddr::new(address, u16::try_from(*port).ok()?))
    }

    /// A context extension of the route; of two with one key the last one, as in a map.
    pub fn context_extension(self, key: &str) -> &'a [u8] {
        let entries = self.attributes.map_or(&[][..], |attributes| &attributes.context_extensions);
        entries.iter().rfind(|entry| entry.key == key.as_bytes()).map_or(&[], |entry| &entry.value)
    }

    /// A value of the route's metadata in the namespace `rolegate`; of two with one key the last one, as in a map.
    pub fn route_metadata(self, key: &str) -> Texts<'a> {
        let namespaces = self
            .attributes
            .and_then(|attributes| attributes.route_metadata_context.as_ref())
            .map_or(&[][..], |metadata| &metadata.filter_metadata);
        let fields = namespaces
            .iter()
            .rfind(|entry| entry.key == b"rolegate"[..])
            .and_then(|entry| entry.value.as_ref())
            .map_or(&[][..], |value| &value.fields);
        let value =
            fields.iter().rfind(|field| field.key == key.as_bytes()).and_then(|field| field.value.as_ref());
        match value.and_then(|value| value.kind.as_ref()) {
            Some(Kind::StringValue(text)) => Texts::One(text),
            Some(Kind::ListValue(list)) => Texts::List(&list.values),
            _ => Texts::One(&[]),
        }
    }
}

/// One text or a list of values, which should be texts. What is neither reads as an empty text.
#[derive(Debug, Clone, Copy)]
pub enum Texts<'a> {
    /// A text.
    One(&'a [u8]),
    /// A list.
    List(&'a [lean::Value]),
}

impl<'a> Texts<'a> {
    /// The text, or the texts of the list; nothing for a value of the list that is no text.
    pub fn iter(self) -> impl Iterator<Item = Option<&'a [u8]>> {
        let (one, list) = match self {
            Self::One(text) => (Some(Some(text)), &[][..]),
            Self::List(values) => (None, values),
        };
        let texts = list.iter().map(|value| match &value.kind {
            Some(Kind::StringValue(text)) => Some(&text[..]),
            _ => None,
        });
        one.into_iter().chain(texts)
    }

    /// The text, where it is no list.
    pub const fn one(self) -> Option<&'a [u8]> {
        match self {
            Self::One(text) => Some(text),
            Self::List(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Sent;

    #[test]
    fn the_downstream_connection_is_an_address_with_a_port() {
        let connection =
            |sent: Sent| sent.view().source_connection().map(|connection| connection.to_string());
        let of = |address, port| connection(Sent::default().peer(address).port(port));
        assert_eq!(of("10.0.0.1", 1234).as_deref(), Some("10.0.0.1:1234"));
        assert_eq!(of("2001:db8::1", 1).as_deref(), Some("[2001:db8::1]:1"));
        assert_eq!(of("10.0.0.1", 65_536), None);
        assert_eq!(of("/run/envoy.sock", 1), None);
        assert_eq!(connection(Sent::default().peer("10.0.0.1")), None);
        assert_eq!(connection(Sent::default()), None);
    }
}
