//! CheckRequests for tests, built a field at a time, and the settings that read them.

use bytes::Bytes;

use super::request::RequestView;
use super::wire::lean::address::Address;
use super::wire::lean::attribute_context::http_request::HeadersEntry;
use super::wire::lean::attribute_context::{ContextExtensionsEntry, HttpRequest};
use super::wire::lean::metadata::FilterMetadataEntry;
use super::wire::lean::socket_address::PortSpecifier;
use super::wire::lean::r#struct::FieldsEntry;
use super::wire::lean::value::Kind;
use super::wire::lean::{self, AttributeContext, HeaderValue, SocketAddress, Struct, Value};
use crate::config::TokenSource;

/// A request that is being put together; what is not given is left out.
#[derive(Debug, Default, Clone)]
pub(super) struct Sent(lean::CheckRequest);

impl Sent {
    pub(super) const fn message(&self) -> &lean::CheckRequest {
        &self.0
    }

    pub(super) fn view(&self) -> RequestView<'_> {
        RequestView::new(&self.0)
    }

    pub(super) fn method(self, method: &str) -> Self {
        self.http(|http| http.method = copy(method))
    }

    pub(super) fn path(self, path: impl AsRef<[u8]>) -> Self {
        self.http(|http| http.path = Bytes::copy_from_slice(path.as_ref()))
    }

    pub(super) fn host(self, host: &str) -> Self {
        self.http(|http| http.host = copy(host))
    }

    /// A header as Envoy sends it in `headers`: all lines of the name in one value.
    pub(super) fn joined(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let entry = HeadersEntry { key: copy(name), value: Bytes::copy_from_slice(value.as_ref()) };
        self.http(|http| http.headers.push(entry))
    }

    /// A header line as Envoy sends it in `header_map`.
    pub(super) fn line(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let raw_value = Bytes::copy_from_slice(value.as_ref());
        let line = HeaderValue { key: copy(name), raw_value, ..HeaderValue::default() };
        self.http(|http| http.header_map.get_or_insert_default().headers.push(line))
    }

    pub(super) fn peer(mut self, address: &str) -> Self {
        let address = SocketAddress { address: copy(address), ..SocketAddress::default() };
        self.attributes().source.get_or_insert_default().address.get_or_insert_default().address =
            Some(Address::SocketAddress(address));
        self
    }

    /// The port of the peer that was given before.
    pub(super) fn port(mut self, port: u32) -> Self {
        let address = self.attributes().source.get_or_insert_default().address.get_or_insert_default();
        if let Some(Address::SocketAddress(address)) = &mut address.address {
            address.port_specifier = Some(PortSpecifier::PortValue(port));
        }
        self
    }

    pub(super) fn extension(mut self, key: &str, value: impl AsRef<[u8]>) -> Self {
        let value = Bytes::copy_from_slice(value.as_ref());
        self.attributes().context_extensions.push(ContextExtensionsEntry { key: copy(key), value });
        self
    }

    /// A text in the route's metadata.
    pub(super) fn metadata(self, namespace: &str, key: &str, text: &str) -> Self {
        self.metadata_value(namespace, key, Kind::StringValue(copy(text)))
    }

    pub(super) fn metadata_value(mut self, namespace: &str, key: &str, kind: Kind) -> Self {
        let spaces = &mut self.attributes().route_metadata_context.get_or_insert_default().filter_metadata;
        let field = FieldsEntry { key: copy(key), value: Some(Value { kind: Some(kind) }) };
        match spaces.iter_mut().find(|entry| entry.key == namespace) {
            Some(entry) => entry.value.get_or_insert_default().fields.push(field),
            None => spaces.push(FilterMetadataEntry {
                key: copy(namespace),
                value: Some(Struct { fields: vec![field] }),
            }),
        }
        self
    }

    fn attributes(&mut self) -> &mut AttributeContext {
        self.0.attributes.get_or_insert_default()
    }

    fn http(mut self, change: impl FnOnce(&mut HttpRequest)) -> Self {
        change(self.attributes().request.get_or_insert_default().http.get_or_insert_default());
        self
    }
}

fn copy(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// Sources as `header:scheme`, `header`, `cookie=name` or `query?name`.
pub(super) fn sources(texts: &[&str]) -> Vec<TokenSource> {
    texts.iter().map(|text| source(text)).collect()
}

fn source(text: &str) -> TokenSource {
    if let Some(name) = text.strip_prefix("cookie=") {
        TokenSource::Cookie(name.to_owned())
    } else if let Some(name) = text.strip_prefix("query?") {
        TokenSource::Query(name.to_owned())
    } else {
        let (name, scheme) = text.split_once(':').map_or((text, None), |(name, scheme)| (name, Some(scheme)));
        TokenSource::Header { name: name.to_owned().try_into().unwrap(), scheme: scheme.map(str::to_owned) }
    }
}
