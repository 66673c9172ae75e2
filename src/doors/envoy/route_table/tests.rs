//! Tables of paths, hosts and methods.

use super::super::testing::Sent;
use super::outcome;
use crate::config::{DefaultRole, Route};
use crate::core::reason::Deny::{self, AmbiguousPath};

/// A row by its host, prefix and methods, empty where it names none.
fn entry(host: &str, prefix: &str, methods: &[&str]) -> Route {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Route {
        host: given(host).map(|host| host.try_into().unwrap()),
        path_prefix: given(prefix).map(|prefix| prefix.try_into().unwrap()),
        methods: methods.iter().map(|method| (*method).to_owned().try_into().unwrap()).collect(),
        mount: None,
        role: "orders".to_owned().try_into().unwrap(),
    }
}

/// A row by its prefix and what it says: `role`, or `mount: role`.
fn row(prefix: &str, says: &str) -> Route {
    let (mount, role) =
        says.split_once(": ").map_or((None, says), |(mount, role)| (Some(mount.to_owned()), role));
    Route {
        mount: mount.map(|mount| mount.try_into().unwrap()),
        role: role.to_owned().try_into().unwrap(),
        ..entry("", prefix, &[])
    }
}

fn default(role: &str) -> DefaultRole {
    let role = (!role.is_empty()).then(|| role.to_owned().try_into().unwrap());
    DefaultRole { role, ..DefaultRole::default() }
}

/// The role of a request, empty for none, or why it is denied.
fn told(sent: &Sent, table: &[Route], default: &DefaultRole) -> Result<String, Deny> {
    let outcome = outcome(sent.view(), table, default)?;
    Ok(outcome.role.map_or_else(String::new, |role| role.as_str().to_owned()))
}

fn at(path: &str, table: &[Route], default: &DefaultRole) -> Result<String, Deny> {
    told(&Sent::default().path(path), table, default)
}

fn fits(sent: &Sent, entry: Route) -> Result<bool, Deny> {
    told(sent, &[entry], &DefaultRole::default()).map(|role| !role.is_empty())
}

#[test]
fn another_spelling_of_a_row_never_meets_a_wider_one() {
    let wide = || row("/", "reader");
    for (prefix, spellings) in [
        ("/v1/items:batchDelete", "/v1/items%3AbatchDelete /v1/items%253abatchDelete /v1//items:batchDelete"),
        (
            "/@admin",
            "/%40admin /%2540admin //@admin /x/../@admin /@admin;v=1/x /@admin%2fx /@admin%00 /@admin%3Fx",
        ),
        ("/a=b", "/a%3Db /a%3db;c /./a=b"),
        (
            "/admin",
            r"/%61dmin /%2561dmin /%61%64min \admin /\admin /%5cadmin //admin /x;/../admin /x/..;/admin /x/%2e%2e/admin /x/%252e%252e/admin /x/..%2fadmin /admin#x /admin%23 /admin;x /;/admin /.;/admin /x%2f../admin /admin/../x /admin/..;/x /admin%2f..%2fx",
        ),
        ("/admin", "/x/%2e%2e/admin/y%2f..%2f..%2f.."),
        ("/café", "/caf%25C3%25A9 /%63af%C3%A9 //café"),
    ] {
        let table = [row(prefix, "admin"), wide()];
        for path in spellings.split(' ') {
            assert_eq!(at(path, &table, &default("")), Err(AmbiguousPath), "{path} of {prefix}");
            assert_eq!(at(path, &table[..1], &default("")), Err(AmbiguousPath), "{path}: admin or no role");
            assert_eq!(
                at(path, &table[..1], &default("reader")),
                Err(AmbiguousPath),
                "{path}: admin or default"
            );
        }
        assert_eq!(at(prefix, &table, &default("")), Ok("admin".to_owned()), "{prefix}");
    }
}

#[test]
fn a_path_is_decided_where_all_its_readings_lead_to_the_same_outcome() {
    let table =
        [row("/admin", "admin"), row("/a", "reader"), row("/b", "reader"), row("/c", "kubernetes: reader")];
    for (path, role) in [
        ("/a/x%2fb", "reader"),
        ("/a/../b", "reader"),
        ("/a/x;v=1/%2e%2e/%2e%2e/b", "reader"),
        ("/b/../c//x", "reader"),
        ("/admin//x%20y;z", "admin"),
        ("/admin/%40scope%2fpkg", "admin"),
        ("/elsewhere%2f;", "default"),
        ("/x/..%2f..%2fy", "default"),
        ("http://h/admin", "default"),
        ("db.example.com:5432", "default"),
        ("*", "default"),
        ("", "default"),
        ("admin", "default"),
    ] {
        assert_eq!(at(path, &table, &default("default")), Ok(role.to_owned()), "{path}");
    }
}

#[test]
fn a_row_fits_the_one_way_to_send_what_cannot_stand_in_a_path() {
    let table =
        [row("/café", "orders"), row("/my files", "orders"), row("/100%", "orders"), row("/", "reader")];
    for path in ["/café", "/caf%C3%A9", "/caf%c3%a9/x", "/caf%C3%A9/a%2Fb", "/my%20files?x", "/100%25/x"] {
        assert_eq!(at(path, &table, &default("")), Ok("orders".to_owned()), "{path}");
    }
}

/// The bound and the differences of paths have no part in it.
#[test]
fn where_every_row_that_can_match_says_the_same_no_path_is_ambiguous() {
    let long = format!("/{}", r"a;b%3b/..//\%5c%253f%23#/%2e%2e//.;/%00%2500/..;%25%32%66".repeat(500));
    let hosts = [
        entry("npm.example.com", "", &[]),
        Route { role: row("", "admin").role, ..entry("admin.example.com", "/admin", &[]) },
    ];
    for path in ["/@scope%2fpkg", "/a;v=1", "//..;", "/%61dmin", "", "*", "npm.example.com:443", &long] {
        let sent = Sent::default().path(path);
        assert_eq!(
            told(&sent.clone().host("npm.example.com:443"), &hosts, &default("x")),
            Ok("orders".to_owned())
        );
        assert_eq!(told(&sent, &hosts, &default("x")), Ok("x".to_owned()), "no row of that host");
        assert_eq!(at(path, &[], &default("x")), Ok("x".to_owned()), "no table");
        let table = [row("/a", "x"), row("", "x"), row("/admin", "admin")];
        assert_eq!(
            at(path, &table, &default("y")),
            Ok("x".to_owned()),
            "what stands behind a row for all paths"
        );
        let table = [row("/a", "kubernetes: x"), row("/", "x")];
        assert_eq!(at(path, &table, &default("x")), Ok("x".to_owned()), "the default says the same");
    }
    assert_eq!(at(&long, &[row("/other", "other")], &default("x")), Err(AmbiguousPath), "too many readings");
}

#[test]
fn everything_that_a_row_says_is_part_of_the_outcome() {
    for (one, other) in [("a", "b"), ("a", "a,b"), ("a,b", "b,a"), ("a", "clusters/eu1: a")] {
        let table = [row("/x", one), row("/", other)];
        assert_eq!(at("/x/../y", &table, &default("")), Err(AmbiguousPath), "{one} or {other}");
    }
    for (one, other) in [("a", "a"), ("a,b", "a, b"), ("kubernetes: a", "a")] {
        let table = [row("/x", one), row("/", other)];
        assert!(at("/x/../y", &table, &default("")).is_ok(), "{one} is {other}");
    }
}

#[test]
fn only_rows_without_a_prefix_fit_a_path_that_does_not_begin_with_a_slash() {
    let table = [
        row("/", "rooted"),
        Route { methods: vec!["CONNECT".to_owned().try_into().unwrap()], ..row("", "tunnel") },
    ];
    for (method, path, role) in [
        ("CONNECT", "db.example.com:5432", "tunnel"),
        ("CONNECT", "", "tunnel"),
        ("OPTIONS", "*", "default"),
        ("GET", "", "default"),
        ("GET", "orders", "default"),
        ("GET", "http://shop/orders", "default"),
        ("GET", "?x=/orders", "default"),
        ("GET", "/orders", "rooted"),
    ] {
        let sent = Sent::default().method(method).path(path);
        assert_eq!(told(&sent, &table, &default("default")), Ok(role.to_owned()), "{method} {path}");
    }
    for path in [r"\orders", "%2Forders", "orders/../x"] {
        assert_eq!(
            at(path, &table[..1], &default("default")),
            Err(AmbiguousPath),
            "{path}: a reading has the slash"
        );
    }
}

#[test]
fn what_stands_behind_a_question_mark_is_no_path() {
    let table = [row("/orders", "orders"), row("/", "reader")];
    assert_eq!(at("/orders?x=//..;%2f%00#", &table, &default("")), Ok("orders".to_owned()));
    assert_eq!(at("/a?/../orders", &table, &default("")), Ok("reader".to_owned()));
    assert_eq!(at("/orders%3Fx", &table, &default("")), Err(AmbiguousPath), "but for an escaped one");
}

#[test]
fn a_prefix_ends_at_the_end_of_a_segment() {
    for (prefix, path, expected) in [
        ("/orders", "/orders", true),
        ("/orders", "/orders/", true),
        ("/orders", "/orders/17", true),
        ("/orders", "/orders?all=1", true),
        ("/orders", "/orders-admin", false),
        ("/orders", "/ordersadmin", false),
        ("/orders", "/orders.json", false),
        ("/orders", "/Orders", false),
        ("/orders", "/order", false),
        ("/orders", "/a/orders", false),
        ("/orders", "/a?/orders", false),
        ("/orders/", "/orders", true),
        ("/orders/", "/orders/17", true),
        ("/orders/", "/orders-admin", false),
        ("/", "/anything", true),
        ("", "/anything", true),
        ("/a/b", "/a/b/c", true),
        ("/a/b", "/a/bc", false),
    ] {
        let fits = fits(&Sent::default().path(path), entry("", prefix, &[]));
        assert_eq!(fits, Ok(expected), "{path} below {prefix}");
    }
}

#[test]
fn hosts_are_compared_without_case_port_and_final_dot() {
    for (wanted, host, expected) in [
        ("shop.example.com", "shop.example.com", true),
        ("shop.example.com", "SHOP.Example.com", true),
        ("shop.example.com", "shop.example.com:8443", true),
        ("shop.example.com", "shop.example.com.", true),
        ("shop.example.com", "shop.example.com.:443", true),
        ("shop.example.com", "a.shop.example.com", false),
        ("shop.example.com", "shop.example.com.evil.test", false),
        ("shop.example.com", "shop.example.co", false),
        ("shop.example.com", "", false),
        ("[2001:db8::1]", "[2001:db8::1]", true),
        ("[2001:db8::1]", "[2001:DB8::1]:8443", true),
        ("[2001:db8::1]", "[2001:db8::2]:8443", false),
        ("[2001:db8::1]", "[2001:db8:", false),
        ("", "anything", true),
        ("", "", true),
    ] {
        let fits = fits(&Sent::default().path("/").host(host), entry(wanted, "", &[]));
        assert_eq!(fits, Ok(expected), "{host} as {wanted}");
    }
}

#[test]
fn methods_are_compared_as_they_are_and_none_means_all() {
    for (methods, sent, expected) in [
        (&["GET", "POST"][..], "GET", true),
        (&["GET", "POST"], "POST", true),
        (&["GET", "POST"], "PUT", false),
        (&["GET"], "get", false),
        (&["GET"], "", false),
        (&[], "DELETE", true),
    ] {
        let fits = fits(&Sent::default().path("/").method(sent), entry("", "", methods));
        assert_eq!(fits, Ok(expected), "{sent} of {methods:?}");
    }
}

#[test]
fn the_first_route_that_fits_wholly_counts() {
    let named = |role, row| Route { role: self::row("", role).role, ..row };
    let table = [
        named("a", entry("shop", "/orders", &["POST"])),
        named("b", entry("shop", "/orders", &[])),
        named("c", entry("", "/orders", &[])),
        named("d", entry("shop", "", &[])),
    ];
    for (host, path, method, expected) in [
        ("shop", "/orders", "POST", "a"),
        ("shop", "/orders", "GET", "b"),
        ("bank", "/orders", "POST", "c"),
        ("shop", "/", "GET", "d"),
        ("bank", "/", "GET", ""),
    ] {
        let sent = Sent::default().host(host).path(path).method(method);
        assert_eq!(
            told(&sent, &table, &DefaultRole::default()),
            Ok(expected.to_owned()),
            "{method} {host}{path}"
        );
    }
}
