//! Tables of paths, hosts and methods.

use super::super::testing::Sent;
use super::route;
use crate::config::Route;
use crate::core::reason::Deny::{self, AmbiguousPath};

/// A route by its host, prefix and methods, empty where it names none.
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

fn fits(sent: &Sent, entry: Route) -> Result<bool, Deny> {
    route(sent.view(), &[entry]).map(|route| route.is_some())
}

#[test]
fn a_path_that_can_be_read_in_two_ways_is_refused_whatever_the_routes_are() {
    for path in ["", "orders", "//orders", "/a/../orders", "/a%2forders", "/%6frders", "/orders;v=1"] {
        for prefix in ["/", "/orders", "/elsewhere"] {
            let sent = Sent::default().path(path);
            assert_eq!(fits(&sent, entry("", prefix, &[])), Err(AmbiguousPath), "{path:?}");
        }
    }
    assert_eq!(fits(&Sent::default(), entry("", "", &[])), Err(AmbiguousPath), "no path at all");
    let query = Sent::default().path("/orders?x=//..;%2f%00#");
    assert_eq!(fits(&query, entry("", "/orders", &[])), Ok(true), "what stands behind `?` is no path");
}

#[test]
fn without_a_table_no_path_is_looked_at() {
    assert!(matches!(route(Sent::default().path("//..;").view(), &[]), Ok(None)));
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
    let table = [
        entry("shop", "/orders", &["POST"]),
        entry("shop", "/orders", &[]),
        entry("", "/orders", &[]),
        entry("shop", "", &[]),
    ];
    for (host, path, method, expected) in [
        ("shop", "/orders", "POST", Some(0)),
        ("shop", "/orders", "GET", Some(1)),
        ("bank", "/orders", "POST", Some(2)),
        ("shop", "/", "GET", Some(3)),
        ("bank", "/", "GET", None),
    ] {
        let sent = Sent::default().host(host).path(path).method(method);
        let found = route(sent.view(), &table).unwrap();
        let found = found.and_then(|found| table.iter().position(|entry| std::ptr::eq(entry, found)));
        assert_eq!(found, expected, "{method} {host}{path}");
    }
}
