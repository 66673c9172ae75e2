//! Messages put together by hand: what no encoder of Envoy's sends, but protobuf has a meaning for.

use bytes::Bytes;
use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use envoy_types::pb::google::protobuf::FileDescriptorSet;
use prost::Message as _;

use super::super::{DESCRIPTORS, lean};
use super::{Facts, full_facts, lean_facts, lean_facts_as_a_map};
use crate::doors::envoy::request::RequestView;

/// A field of bytes.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    prost::encoding::bytes::encode(number, &content.to_vec(), &mut field);
    field
}

/// A CheckRequest whose attributes are these bytes, as both read it.
fn both(attributes: &[u8]) -> [Facts; 2] {
    let sent = field(1, attributes);
    [full_facts(&CheckRequest::decode(&sent[..]).unwrap()), lean_facts_as_a_map(&sent)]
}

#[test]
fn parts_of_an_entry_may_come_twice_in_any_order_or_not_at_all() {
    let entries: [(&[Vec<u8>], &str); 6] = [
        (&[field(1, b"role"), field(2, b"a")], "a"),
        (&[field(2, b"a"), field(1, b"role")], "a"),
        (&[field(1, b"mount"), field(2, b"b"), field(1, b"role"), field(2, b"a")], "a"),
        (&[field(1, b"role")], ""),
        (&[field(1, b"role"), field(2, b"a"), field(9, b"?")], "a"),
        (&[], ""),
    ];
    for (parts, expected) in entries {
        for facts in both(&field(10, &parts.concat())) {
            assert_eq!(facts.extensions[0], expected.as_bytes(), "{parts:?}");
        }
    }
    for facts in both(&[field(10, &[]), field(10, &field(2, b"nameless"))].concat()) {
        assert_eq!(facts.extensions[4], b"nameless");
    }
}

#[test]
fn of_two_namespaces_or_members_the_last_one_counts() {
    let text = |text: &str| field(3, text.as_bytes());
    let number = [&[0x11][..], &1_f64.to_le_bytes()].concat();
    let entry = |value: &[u8]| field(1, &[field(1, b"role"), field(2, value)].concat());
    let space = |fields: &[u8]| field(1, &[field(1, b"rolegate"), field(2, fields)].concat());
    for (metadata, expected) in [
        (space(&entry(&text("a"))), "a"),
        (space(&[entry(&text("a")), entry(&text("b"))].concat()), "b"),
        ([space(&entry(&text("a"))), space(&entry(&text("b")))].concat(), "b"),
        ([space(&entry(&text("a"))), space(&[])].concat(), ""),
        (space(&entry(&[text("a"), number.clone()].concat())), ""),
        (space(&entry(&[number, text("a")].concat())), "a"),
    ] {
        for facts in both(&field(13, &metadata)) {
            assert_eq!(facts.metadata[0], [Some(expected.as_bytes().to_vec())], "{metadata:?}");
        }
    }
}

#[test]
fn an_address_of_another_kind_replaces_that_of_a_socket() {
    let socket = field(1, &field(2, b"10.0.0.1"));
    let pipe = field(2, &field(1, b"/run/envoy.sock"));
    for (address, expected) in [
        (socket.clone(), "10.0.0.1"),
        ([&socket[..], &pipe].concat(), ""),
        ([&pipe[..], &socket].concat(), "10.0.0.1"),
    ] {
        for facts in both(&field(1, &field(1, &address))) {
            assert_eq!(facts.source_address, expected.as_bytes());
        }
    }
}

#[test]
fn a_header_that_a_map_holds_twice_is_seen_twice() {
    let entry = |value: &[u8]| field(3, &[field(1, b"authorization"), field(2, value)].concat());
    let http = field(2, &[entry(b"Bearer a"), entry(b"Bearer b")].concat());
    let sent = field(1, &field(4, &http));
    let read = lean::CheckRequest::decode(Bytes::from(sent)).unwrap();
    assert_eq!(RequestView::new(&read).header("authorization").count(), 2);
}

#[test]
fn an_empty_header_map_gives_way_to_headers() {
    let entry = field(3, &[field(1, b"a"), field(2, b"b")].concat());
    for facts in both(&field(4, &field(2, &[entry, field(13, &[])].concat()))) {
        assert_eq!(facts.headers, [(b"a".to_vec(), b"b".to_vec())]);
    }
}

#[test]
fn bytes_that_are_no_text_are_read_where_envoys_definition_refuses_the_whole() {
    let http = [field(4, b"/\xff"), field(3, &[field(1, b"a\xff"), field(2, b"b")].concat())].concat();
    let source = field(1, &field(1, &field(1, &field(2, b"\xff"))));
    let sent = field(1, &[field(4, &field(2, &http)), source].concat());
    assert!(CheckRequest::decode(&sent[..]).is_err());
    let facts = lean_facts(&lean::CheckRequest::decode(Bytes::from(sent)).unwrap());
    assert_eq!((&facts.path[..], &facts.headers[0].0[..]), (&b"/\xff"[..], &b"a\xff"[..]));
}

#[test]
fn reflection_serves_the_service_under_envoys_name() {
    let served = FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let [file] = &served.file[..] else { panic!("{} files", served.file.len()) };
    assert_eq!(file.package(), "envoy.service.auth.v3");
    let [service] = &file.service[..] else { panic!("{} services", file.service.len()) };
    assert_eq!((service.name(), service.method[0].name()), ("Authorization", "Check"));
}
