//! Which of the places counts, and how it is read.

use super::super::testing::Sent;
use super::super::wire::lean::value::Kind;
use super::super::wire::lean::{ListValue, Struct, Value};
use super::choose;
use crate::config::{DefaultRole, Route};
use crate::core::reason::Deny::{self, AmbiguousPath, NoRole, TooManyRoles, UnknownMount, UnknownRole};

/// Our table, with one route below `/table`, and the default.
fn settings(route: Option<(&str, &str)>, default_role: Option<&str>) -> (Vec<Route>, DefaultRole) {
    let route = route.map(|(mount, role)| Route {
        host: None,
        path_prefix: Some("/table".to_owned().try_into().unwrap()),
        methods: Vec::new(),
        mount: (!mount.is_empty()).then(|| mount.to_owned().try_into().unwrap()),
        role: role.to_owned().try_into().unwrap(),
    });
    let default = DefaultRole {
        mount: "kubernetes".to_owned().try_into().unwrap(),
        role: default_role.map(|role| role.to_owned().try_into().unwrap()),
    };
    (route.into_iter().collect(), default)
}

/// `mount: role role …`
fn chosen(sent: &Sent, settings: &(Vec<Route>, DefaultRole)) -> Result<String, Deny> {
    let choice = choose(sent.view(), &settings.0, &settings.1)?;
    Ok(format!("{}: {}", choice.mount, choice.roles.join(" ")))
}

fn ok(text: &str) -> Result<String, Deny> {
    Ok(text.to_owned())
}

#[test]
fn the_first_place_that_names_a_role_wins_whole() {
    let settings = settings(Some(("t", "table")), Some("default"));
    let anywhere = || Sent::default().path("/");
    let table = || Sent::default().path("/table/1");
    let metadata = || table().metadata("rolegate", "role", "metadata").metadata("rolegate", "mount", "m");
    for (sent, expected) in [
        (metadata().extension("role", "extension").extension("mount", "e"), ok("e: extension")),
        (metadata().extension("role", "extension"), ok("kubernetes: extension")),
        (metadata().extension("mount", "e"), ok("m: metadata")),
        (metadata().extension("role", " ").extension("mount", "e"), ok("m: metadata")),
        (metadata(), ok("m: metadata")),
        (table().metadata("rolegate", "role", "metadata"), ok("kubernetes: metadata")),
        (table().metadata("rolegate", "mount", "m"), ok("t: table")),
        (table().metadata("other", "role", "other"), ok("t: table")),
        (table(), ok("t: table")),
        (anywhere(), ok("kubernetes: default")),
        (anywhere().extension("mount", "e"), ok("kubernetes: default")),
        (anywhere().metadata("rolegate", "mount", "m"), ok("kubernetes: default")),
        (anywhere().line("role", "header").line("x-rolegate-role", "header"), ok("kubernetes: default")),
    ] {
        assert_eq!(chosen(&sent, &settings), expected, "{sent:?}");
    }
}

#[test]
fn where_no_place_names_a_role_there_is_none() {
    assert_eq!(chosen(&Sent::default().path("/"), &settings(None, None)), Err(NoRole));
    assert_eq!(chosen(&Sent::default().path("/"), &settings(Some(("t", "r")), None)), Err(NoRole));
    assert_eq!(chosen(&Sent::default(), &settings(None, Some("default"))), ok("kubernetes: default"));
}

#[test]
fn a_route_without_a_mount_takes_the_default_one() {
    let settings = settings(Some(("", "table")), None);
    assert_eq!(chosen(&Sent::default().path("/table"), &settings), ok("kubernetes: table"));
}

#[test]
fn an_ambiguous_path_is_never_the_default_but_does_not_matter_to_what_the_proxy_says() {
    let settings = settings(Some(("t", "table")), Some("default"));
    let sent = Sent::default().path("/table/..");
    assert_eq!(chosen(&sent, &settings), Err(AmbiguousPath));
    assert_eq!(
        chosen(&Sent::default().path("/%74able"), &self::settings(Some(("t", "r")), None)),
        Err(AmbiguousPath)
    );
    assert_eq!(chosen(&sent.clone().extension("role", "a"), &settings), ok("kubernetes: a"));
    assert_eq!(chosen(&sent.metadata("rolegate", "role", "a"), &settings), ok("kubernetes: a"));
}

#[test]
fn up_to_eight_roles_are_read_without_blanks() {
    let settings = settings(None, None);
    for (roles, expected) in [
        ("a", ok("kubernetes: a")),
        (" a ", ok("kubernetes: a")),
        ("a,b", ok("kubernetes: a b")),
        (" a , b,\tc ", ok("kubernetes: a b c")),
        (",a,,b,", ok("kubernetes: a b")),
        ("b,a,b", ok("kubernetes: b a b")),
        ("a b", ok("kubernetes: a b")),
        (",", Err(NoRole)),
        (" , ", Err(NoRole)),
        ("1,2,3,4,5,6,7,8", ok("kubernetes: 1 2 3 4 5 6 7 8")),
        ("1,2,3,4,5,6,7,8,", ok("kubernetes: 1 2 3 4 5 6 7 8")),
        ("1,2,3,4,5,6,7,8,9", Err(TooManyRoles)),
    ] {
        assert_eq!(chosen(&Sent::default().extension("role", roles), &settings), expected, "{roles:?}");
    }
    let choice = Sent::default().extension("role", "a b");
    assert_eq!(
        choose(choice.view(), &[], &settings.1).unwrap().roles[..],
        ["a b"],
        "a blank divides nothing"
    );
}

#[test]
fn mounts_are_read_without_blanks_and_an_empty_one_is_the_default() {
    let settings = settings(None, None);
    for (mount, expected) in
        [("m", "m"), (" clusters/eu1 ", "clusters/eu1"), ("", "kubernetes"), (" ", "kubernetes")]
    {
        let sent = Sent::default().extension("role", "a").extension("mount", mount);
        assert_eq!(chosen(&sent, &settings), Ok(format!("{expected}: a")), "{mount:?}");
    }
}

#[test]
fn what_is_no_text_names_nothing_that_exists() {
    let settings = settings(None, Some("default"));
    let role = Sent::default().extension("role", b"a\xff");
    assert_eq!(chosen(&role, &settings), Err(UnknownRole));
    let mount = Sent::default().extension("role", "a").extension("mount", b"m\xff");
    assert_eq!(chosen(&mount, &settings), Err(UnknownMount));
}

#[test]
fn metadata_that_is_no_text_names_no_role() {
    let settings = settings(None, Some("default"));
    for kind in [
        Kind::NullValue(0),
        Kind::NumberValue(1.0),
        Kind::BoolValue(true),
        Kind::StructValue(Struct::default()),
    ] {
        let sent = Sent::default().metadata_value("rolegate", "role", kind);
        assert_eq!(chosen(&sent, &settings), ok("kubernetes: default"), "{sent:?}");
    }
}

/// A list in the route's metadata.
fn list(values: &[Kind]) -> Kind {
    let values = values.iter().map(|kind| Value { kind: Some(kind.clone()) }).collect();
    Kind::ListValue(ListValue { values })
}

fn texts(texts: &[&str]) -> Kind {
    let texts: Vec<Kind> =
        texts.iter().map(|text| Kind::StringValue(text.as_bytes().to_vec().into())).collect();
    list(&texts)
}

#[test]
fn a_list_of_roles_in_the_metadata_is_the_same_as_one_text_with_commas() {
    let settings = settings(Some(("t", "table")), Some("default"));
    let parts: [&[&str]; 15] = [
        &[],
        &[""],
        &[" "],
        &["", ""],
        &[","],
        &["a"],
        &[" a ", "b"],
        &["a", "", "b"],
        &["a,b", "c"],
        &["b", "a", "b"],
        &["a b"],
        &["1", "2", "3", "4", "5", "6", "7", "8"],
        &["1,2,3,4", "5,6,7,8,", ""],
        &["1", "2", "3", "4", "5", "6", "7", "8", "9"],
        &["1,2,3,4,5,6,7,8", "9"],
    ];
    for parts in parts {
        let sent = || Sent::default().path("/table").metadata("rolegate", "mount", "m");
        let as_list = sent().metadata_value("rolegate", "role", texts(parts));
        let as_text = sent().metadata("rolegate", "role", &parts.join(","));
        assert_eq!(chosen(&as_list, &settings), chosen(&as_text, &settings), "{parts:?}");
    }
    let two = Sent::default().metadata_value("rolegate", "role", texts(&["billing", "orders"]));
    assert_eq!(chosen(&two, &settings), ok("kubernetes: billing orders"));
}

#[test]
fn a_list_that_holds_anything_but_texts_is_refused_whole() {
    let settings = settings(None, Some("default"));
    let text = || Kind::StringValue(bytes::Bytes::from_static(b"a"));
    let bad = Kind::StringValue(bytes::Bytes::from_static(b"a\xff"));
    for kind in
        [Kind::NullValue(0), Kind::NumberValue(1.0), Kind::StructValue(Struct::default()), texts(&["a"]), bad]
    {
        for values in [vec![kind.clone()], vec![text(), kind.clone()], vec![kind, text()]] {
            let sent = Sent::default().metadata_value("rolegate", "role", list(&values));
            assert_eq!(chosen(&sent, &settings), Err(UnknownRole), "{sent:?}");
        }
    }
    let mount =
        Sent::default().metadata("rolegate", "role", "a").metadata_value("rolegate", "mount", texts(&["m"]));
    assert_eq!(chosen(&mount, &settings), Err(UnknownMount), "a list is no mount");
}

#[test]
fn of_two_entries_with_one_key_the_last_one_counts_as_in_a_map() {
    let sent = Sent::default().extension("role", "a").extension("role", "b");
    assert_eq!(chosen(&sent, &settings(None, None)), ok("kubernetes: b"));
}
