//! The lean view against Envoy's own definition: the same facts of the same bytes, both ways.

mod by_hand;
mod full;

use std::collections::BTreeMap;

use bytes::Bytes;
use envoy_types::pb::envoy::config::core::v3::address::Address;
use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use envoy_types::pb::google::protobuf::Value;
use envoy_types::pb::google::protobuf::value::Kind;
use full::{bytes, check_request, key, text};
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;

use super::super::testing::Sent;
use super::lean;
use crate::doors::envoy::request::RequestView;

/// The keys of maps that are compared; generated ones are often among them.
const KEYS: [&str; 5] = ["role", "mount", "rolegate", "authorization", ""];

/// All that the door reads of a request.
#[derive(Debug, PartialEq, Eq, Default)]
struct Facts {
    method: Vec<u8>,
    path: Vec<u8>,
    host: Vec<u8>,
    source_address: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    extensions: [Vec<u8>; KEYS.len()],
    /// The texts of a list, or one text.
    metadata: [Vec<Option<Vec<u8>>>; KEYS.len()],
}

/// As the door sees it.
fn lean_facts(request: &lean::CheckRequest) -> Facts {
    let view = RequestView::new(request);
    let mut headers: Vec<_> = view.headers().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    headers.sort();
    Facts {
        method: view.method().to_vec(),
        path: view.path_and_query().to_vec(),
        host: view.host().to_vec(),
        source_address: view.source_address().to_vec(),
        headers,
        extensions: KEYS.map(|key| view.context_extension(key).to_vec()),
        metadata: KEYS
            .map(|key| view.route_metadata(key).iter().map(|text| text.map(<[u8]>::to_vec)).collect()),
    }
}

/// As Envoy's definition has it.
fn full_facts(request: &CheckRequest) -> Facts {
    let attributes = request.attributes.clone().unwrap_or_default();
    let http = attributes.request.unwrap_or_default().http.unwrap_or_default();
    let source_address = match attributes.source.unwrap_or_default().address.unwrap_or_default().address {
        Some(Address::SocketAddress(socket)) => socket.address.into_bytes(),
        _ => Vec::new(),
    };
    let raw = http.header_map.unwrap_or_default().headers;
    let mut headers: Vec<(Vec<u8>, Vec<u8>)> = if raw.is_empty() {
        http.headers.into_iter().map(|(key, value)| (key.into_bytes(), value.into_bytes())).collect()
    } else {
        raw.into_iter()
            .map(|line| {
                let value = if line.raw_value.is_empty() { line.value.into_bytes() } else { line.raw_value };
                (line.key.into_bytes(), value)
            })
            .collect()
    };
    headers.sort();
    let text = |text: Option<&String>| text.cloned().unwrap_or_default().into_bytes();
    let route = attributes.route_metadata_context.unwrap_or_default();
    let ours = route.filter_metadata.get("rolegate").cloned().unwrap_or_default();
    Facts {
        method: http.method.into_bytes(),
        path: http.path.into_bytes(),
        host: http.host.into_bytes(),
        source_address,
        headers,
        extensions: KEYS.map(|key| text(attributes.context_extensions.get(key))),
        metadata: KEYS.map(|key| match ours.fields.get(key).and_then(|value| value.kind.as_ref()) {
            Some(Kind::StringValue(value)) => vec![Some(text(Some(value)))],
            Some(Kind::ListValue(list)) => list.values.iter().map(list_entry).collect(),
            _ => vec![Some(Vec::new())],
        }),
    }
}

/// A text of a list, or nothing for what is none.
fn list_entry(value: &Value) -> Option<Vec<u8>> {
    match &value.kind {
        Some(Kind::StringValue(text)) => Some(text.clone().into_bytes()),
        _ => None,
    }
}

/// The lean view of bytes, with the last of two headers of one name in `headers`, as a map would have it.
fn lean_facts_as_a_map(sent: &[u8]) -> Facts {
    let mut request = lean::CheckRequest::decode(Bytes::copy_from_slice(sent)).unwrap();
    if let Some(http) =
        request.attributes.as_mut().and_then(|attributes| attributes.request.as_mut()?.http.as_mut())
    {
        let last: BTreeMap<_, _> = http.headers.drain(..).map(|entry| (entry.key.clone(), entry)).collect();
        http.headers = last.into_values().collect();
    }
    lean_facts(&request)
}

prop_compose! {
    /// A lean message with texts where Envoy has texts.
    fn lean_request()(
        (method, path, host) in (text(), text(), text()),
        joined in proptest::collection::btree_map(key(), text(), 0..4),
        lines in vec((key(), bytes()), 0..4),
        peer in proptest::option::of(text()),
        extensions in vec((key(), text()), 0..4),
        metadata in vec((key(), key(), text()), 0..5),
    ) -> Sent {
        let sent = Sent::default().method(&method).path(path).host(&host);
        let sent = joined.iter().fold(sent, |sent, (key, value)| sent.joined(key, value));
        let sent = lines.iter().fold(sent, |sent, (key, value)| sent.line(key, value));
        let sent = peer.iter().fold(sent, |sent, address| sent.peer(address));
        let sent = extensions.iter().fold(sent, |sent, (key, value)| sent.extension(key, value));
        metadata.iter().fold(sent, |sent, (space, key, text)| sent.metadata(space, key, text))
    }
}

/// A field that nobody knows, of any wire type.
fn unknown_field() -> impl Strategy<Value = Vec<u8>> {
    let numbered = |number: u32, wire_type: u32, content: &[u8]| {
        let mut field = Vec::new();
        prost::encoding::encode_varint(u64::from((number << 3) | wire_type), &mut field);
        field.extend_from_slice(content);
        field
    };
    let content = prop_oneof![
        Just((0, vec![0x96, 0x01])),
        Just((1, vec![1; 8])),
        bytes().prop_map(|content| (2, [&[u8::try_from(content.len()).unwrap()][..], &content].concat())),
        Just((5, vec![2; 4])),
    ];
    (200_u32..300, content)
        .prop_map(move |(number, (wire_type, content))| numbered(number, wire_type, &content))
}

proptest! {
    #[test]
    fn what_envoy_sends_is_read_as_envoy_means_it(request in check_request()) {
        let sent = Bytes::from(request.encode_to_vec());
        let read = lean::CheckRequest::decode(sent).unwrap();
        prop_assert_eq!(lean_facts(&read), full_facts(&request));
    }

    #[test]
    fn what_the_lean_view_sends_envoys_definition_reads_alike(request in lean_request()) {
        let sent = request.message().encode_to_vec();
        let read = CheckRequest::decode(&sent[..]).unwrap();
        prop_assert_eq!(full_facts(&read), lean_facts(request.message()));
    }

    #[test]
    fn messages_one_after_the_other_are_merged_as_protobuf_says(
        requests in vec(check_request(), 2..4),
        unknown in unknown_field(),
    ) {
        let parts: Vec<Vec<u8>> = requests.iter().map(|request| request.encode_to_vec()).collect();
        let sent = parts.join(&unknown[..]);
        let read = CheckRequest::decode(&sent[..]).unwrap();
        prop_assert_eq!(lean_facts_as_a_map(&sent), full_facts(&read));
    }

    #[test]
    fn fields_that_nobody_knows_are_skipped(request in check_request(), unknown in vec(unknown_field(), 1..4)) {
        let attributes = request.attributes.as_ref().map(|attributes| attributes.encode_to_vec());
        let inner = [attributes.unwrap_or_default(), unknown.concat()].concat();
        let mut sent = unknown.concat();
        prost::encoding::bytes::encode(1, &inner, &mut sent);
        let read = lean::CheckRequest::decode(Bytes::from(sent)).unwrap();
        prop_assert_eq!(lean_facts(&read), full_facts(&request));
    }

    #[test]
    fn no_bytes_panic(sent in vec(any::<u8>(), 0..200)) {
        let _read = lean::CheckRequest::decode(Bytes::from(sent)).map(|read| lean_facts(&read));
    }

    #[test]
    fn broken_messages_do_not_panic_and_what_envoys_definition_reads_is_read_alike(
        request in check_request(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut sent = request.encode_to_vec();
        // Not empty: a byte of an unknown field is there to be changed, too.
        sent.extend([0xa0, 0x06, 0x01]);
        for (at, byte) in changes {
            let at = at.index(sent.len());
            sent[at] = byte;
        }
        sent.truncate(cut.index(sent.len() * 2 + 1));
        let _read = lean::CheckRequest::decode(Bytes::from(sent.clone())).map(|read| lean_facts(&read));
        if let Ok(read) = CheckRequest::decode(&sent[..]) {
            prop_assert_eq!(lean_facts_as_a_map(&sent), full_facts(&read));
        }
    }
}
