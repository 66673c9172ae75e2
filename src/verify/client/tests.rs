//! Tests of what a URL tells.

use super::{base_url, host_header};
use crate::core::mount::HostFault;

#[test]
fn only_the_url_of_a_server_is_one() {
    for good in ["https://kube:6443", "http://127.0.0.1:1/", "https://[::1]:6443", "https://kube/clusters/a"]
    {
        assert!(base_url(good).is_some(), "{good}");
    }
    for bad in
        ["", "127.0.0.1:1", "kube", "no such host", "ftp://127.0.0.1", "https://", "/x", "https://k?a=b"]
    {
        assert!(base_url(bad).is_none(), "{bad}");
    }
}

#[test]
fn what_is_no_url_of_a_server_is_named_and_what_is_named_is_none() {
    for host in [
        "https://kube:6443",
        "https://[::1]:6443",
        "HTTPS://kube/a",
        "https://my_kube",
        "https://user@kube",
        "https://kube:",
        "https://::1:6443",
        "https://kube:65536",
        "https://k%fcbe",
        "https://k\u{fc}be",
        "https://ku|be",
        "https://[kube]",
        "https://[fe80::1%25eth0]:6443",
        "https://kube#a",
        "https://kube/a b",
        "https://@",
        "https://a@b@",
    ] {
        assert_eq!(base_url(host).is_none(), HostFault::find(host).is_some(), "{host}");
    }
}

#[test]
fn the_host_is_told_with_a_port_that_is_not_the_schemes_own() {
    for (url, host) in [
        ("https://kube:6443", "kube:6443"),
        ("https://kube:443/clusters/a", "kube"),
        ("https://user@kube", "kube"),
        ("http://kube:443", "kube:443"),
        ("http://[::1]:80", "[::1]"),
    ] {
        assert_eq!(host_header(&url.parse().unwrap()).unwrap(), host, "{url}");
    }
}
