//! Arbitrary CheckRequests as Envoy's own definition has them, every field that Envoy sets included.

use std::collections::HashMap;

use envoy_types::pb::envoy::config::core::v3::address::Address as AddressKind;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{
    Address, EnvoyInternalAddress, HeaderMap, HeaderValue, Metadata, Pipe, SocketAddress,
};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request, TlsSession};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Any, ListValue, Struct, Timestamp, Value};
use proptest::collection::{hash_map, vec};
use proptest::option;
use proptest::prelude::*;

/// Texts, now and then those that the door looks for.
pub(crate) fn text() -> BoxedStrategy<String> {
    prop_oneof![
        3 => "[a-zA-Z0-9:/?=;, .-]{0,12}",
        1 => "\\PC{0,6}",
        1 => Just("authorization".to_owned()),
        1 => Just("rolegate".to_owned()),
    ]
    .boxed()
}

/// Keys of maps, often those that the door looks for.
pub(crate) fn key() -> BoxedStrategy<String> {
    let known = ["role", "mount", "rolegate", "authorization", "cookie", ""];
    prop_oneof![3 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => text()].boxed()
}

fn texts() -> BoxedStrategy<HashMap<String, String>> {
    hash_map(key(), text(), 0..5).boxed()
}

pub(crate) fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..6)
}

prop_compose! {
    pub(crate) fn check_request()(attributes in option::weighted(0.95, attributes().boxed())) -> CheckRequest {
        CheckRequest { attributes }
    }
}

prop_compose! {
    fn attributes()(
        source in option::of(peer().boxed()),
        destination in option::of(peer().boxed()),
        request in option::weighted(0.9, request().boxed()),
        context_extensions in texts(),
        metadata_context in option::of(metadata().boxed()),
        route_metadata_context in option::weighted(0.7, metadata().boxed()),
        tls_session in option::of(text()),
    ) -> AttributeContext {
        AttributeContext {
            source,
            destination,
            request,
            context_extensions,
            metadata_context,
            route_metadata_context,
            tls_session: tls_session.map(|sni| TlsSession { sni }),
        }
    }
}

prop_compose! {
    fn peer()(
        address in option::of(address().boxed()),
        service in text(),
        labels in texts(),
        principal in text(),
        certificate in text(),
    ) -> Peer {
        Peer { address, service, labels, principal, certificate }
    }
}

fn address() -> impl Strategy<Value = Address> {
    let socket = (text(), any::<u32>(), any::<bool>()).prop_map(|(address, port, named)| {
        let port =
            if named { PortSpecifier::NamedPort("http".to_owned()) } else { PortSpecifier::PortValue(port) };
        AddressKind::SocketAddress(SocketAddress {
            protocol: 1,
            address,
            port_specifier: Some(port),
            ipv4_compat: true,
            ..SocketAddress::default()
        })
    });
    let pipe = text().prop_map(|path| AddressKind::Pipe(Pipe { path, mode: 0o600 }));
    let internal = text().prop_map(|endpoint_id| {
        AddressKind::EnvoyInternalAddress(EnvoyInternalAddress { endpoint_id, ..Default::default() })
    });
    option::weighted(0.9, prop_oneof![4 => socket, 1 => pipe, 1 => internal])
        .prop_map(|address| Address { address })
}

prop_compose! {
    fn request()(
        time in option::of((any::<i64>(), any::<i32>())),
        http in option::weighted(0.95, http().boxed()),
    ) -> Request {
        Request { time: time.map(|(seconds, nanos)| Timestamp { seconds, nanos }), http }
    }
}

prop_compose! {
    fn http()(
        (method, path, host, id, scheme) in (text(), text(), text(), text(), text()),
        (query, fragment, protocol, body) in (text(), text(), text(), text()),
        headers in texts(),
        header_map in option::of(vec(header().boxed(), 0..5)),
        size in any::<i64>(),
        raw_body in bytes(),
    ) -> HttpRequest {
        HttpRequest {
            id, method, headers, path, host, scheme, query, fragment, size, protocol, body, raw_body,
            header_map: header_map.map(|headers| HeaderMap { headers }),
        }
    }
}

prop_compose! {
    fn header()(key in key(), value in text(), raw_value in bytes()) -> HeaderValue {
        HeaderValue { key, value, raw_value }
    }
}

prop_compose! {
    fn metadata()(
        filter_metadata in hash_map(key(), structure(), 0..4),
        typed in hash_map(key(), (text(), bytes()), 0..3),
    ) -> Metadata {
        let any = |(type_url, value)| Any { type_url, value };
        let typed_filter_metadata = typed.into_iter().map(|(key, value)| (key, any(value))).collect();
        Metadata { filter_metadata, typed_filter_metadata }
    }
}

fn structure() -> BoxedStrategy<Struct> {
    hash_map(key(), value(), 0..4).prop_map(|fields| Struct { fields }).boxed()
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => text().prop_map(|text| Some(Kind::StringValue(text))),
        1 => Just(None),
        1 => Just(Some(Kind::NullValue(0))),
        1 => any::<f64>().prop_map(|number| Some(Kind::NumberValue(number))),
        1 => any::<bool>().prop_map(|bool| Some(Kind::BoolValue(bool))),
    ]
    .prop_map(|kind| Value { kind });
    leaf.prop_recursive(3, 12, 3, |inner| {
        let list = vec(inner.clone(), 0..3).prop_map(|values| Kind::ListValue(ListValue { values }));
        let nested = hash_map(key(), inner, 0..3).prop_map(|fields| Kind::StructValue(Struct { fields }));
        prop_oneof![list, nested].prop_map(|kind| Value { kind: Some(kind) })
    })
}
