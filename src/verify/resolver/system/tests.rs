//! Tests of look-ups, by a name server on the loopback.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::proto::rr::Name;
use tokio::net::UdpSocket;
use tokio_util::task::AbortOnDropHandle;

use super::{Configured, ResolveError, candidates, interleaved, weightier};

fn name(text: &str) -> Name {
    Name::from_str_relaxed(text).unwrap()
}

#[test]
fn the_search_list_goes_before_a_name_of_few_dots_and_after_one_of_many() {
    let search = ["a.svc.cluster.local", "cluster.local."].map(name);
    let asked = |text, ndots| -> Vec<String> {
        candidates(&name(text), &search, ndots).iter().map(ToString::to_string).collect()
    };
    let [one, two] = ["kubernetes.default.svc.a.svc.cluster.local.", "kubernetes.default.svc.cluster.local."];
    assert_eq!(asked("kubernetes.default.svc", 5), [one, two, "kubernetes.default.svc."]);
    assert_eq!(asked("kubernetes.default.svc", 2), ["kubernetes.default.svc.", one, two]);
    assert_eq!(asked("kubernetes.default.svc.", 5), ["kubernetes.default.svc."]);
}

#[test]
fn a_name_is_absent_only_where_no_name_server_failed() {
    use ResolveError::{Ended, NoAddress, NoSuchName};
    assert!(matches!(weightier(NoSuchName, NoSuchName), NoSuchName));
    for (one, other) in [(NoSuchName, Ended), (Ended, NoSuchName), (NoAddress, Ended)] {
        assert!(matches!(weightier(one, other), Ended));
    }
    assert!(matches!(weightier(NoAddress, NoSuchName), NoAddress));
}

#[test]
fn addresses_of_two_families_alternate() {
    let parse = |all: &[&str]| all.iter().map(|text| text.parse().unwrap()).collect();
    let all = interleaved(parse(&["10.0.0.1", "10.0.0.2"]), parse(&["fd00::1"]));
    assert_eq!(all, ["10.0.0.1", "fd00::1", "10.0.0.2"].map(|text| text.parse::<IpAddr>().unwrap()));
}

/// A name server: the first label says what it answers. What has `cluster` in it does not exist.
async fn name_server() -> (SocketAddr, AbortOnDropHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let mut message = [0; 512];
        loop {
            let (length, client) = socket.recv_from(&mut message).await.unwrap();
            if let Some(answer) = answer(&message[..length]) {
                socket.send_to(&answer, client).await.unwrap();
            }
        }
    });
    (address, AbortOnDropHandle::new(serving))
}

/// RFC 1035 section 4: the header, the question as it came, and an A record of 10.0.0.1 with a TTL of 60 s.
fn answer(asked: &[u8]) -> Option<Vec<u8>> {
    let end = 12 + asked[12..].iter().position(|byte| *byte == 0)? + 5;
    let (name, is_a) = (&asked[13..end - 5], asked[end - 4..end - 2] == [0, 1]);
    let has = |label: &[u8]| name.windows(label.len()).any(|part| part == label);
    let code = match () {
        () if has(b"silent") => return None,
        () if has(b"half") && !is_a => return None,
        () if has(b"broken") => 2,
        () if has(b"cluster") || has(b"absent") => 3,
        () => 0,
    };
    let found = code == 0 && is_a && !has(b"empty");
    let mut out =
        [&asked[..2], &[0x81, 0x80 | code, 0, 1, 0, u8::from(found), 0, 0, 0, 0], &asked[12..end]].concat();
    if found {
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 1]);
    }
    Some(out)
}

fn configured(server: SocketAddr, search: &[&str]) -> Configured {
    let mut name_server = NameServerConfig::udp(server.ip());
    name_server.connections[0].port = server.port();
    let search = search.iter().map(|domain| name(domain)).collect();
    let config = ResolverConfig::from_parts(None, search, vec![name_server]);
    let mut options = ResolverOpts::default();
    (options.ndots, options.timeout, options.attempts) = (5, Duration::from_millis(300), 1);
    Configured::new([None, None], &config, options).unwrap()
}

#[tokio::test]
async fn what_name_servers_say_is_told_apart_from_what_they_fail_to_say() {
    let (server, _serving) = name_server().await;
    let configured = configured(server, &["svc.cluster.local", "cluster.local"]);
    for good in ["good.example", "good.example.", "half.example"] {
        let found = configured.lookup(good).await.unwrap();
        assert_eq!(found.addresses, [IpAddr::from([10, 0, 0, 1])], "{good}");
        assert!((Duration::from_secs(50)..=Duration::from_secs(60)).contains(&found.ttl), "{:?}", found.ttl);
    }
    assert!(matches!(configured.lookup("absent.example").await, Err(ResolveError::NoSuchName)));
    assert!(matches!(configured.lookup("empty.example").await, Err(ResolveError::NoAddress)));
    for failing in ["broken.example", "silent.example"] {
        let outcome = configured.lookup(failing).await;
        assert!(matches!(outcome, Err(ResolveError::Failed(_))), "{failing}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_name_is_not_absent_where_a_name_of_the_search_list_had_no_answer() {
    let (server, _serving) = name_server().await;
    let configured = configured(server, &["silent.example"]);
    assert!(matches!(configured.lookup("absent.example").await, Err(ResolveError::Failed(_))));
    assert!(matches!(configured.lookup("absent.example.").await, Err(ResolveError::NoSuchName)));
}
