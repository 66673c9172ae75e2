//! Whole files, with and without variables.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::{
    ClientAddress, Config, ConfigError, Environment, HeaderPrefix, Loaded, Method, Store, TlsFiles,
    TokenSource, UndecidedAnswer,
};

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rolegate.yaml");
    fs::write(&file, text).unwrap();
    let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut loaded = Config::load(&file, Environment::new(owned))?;
    // What is compared shall not depend on the directory's name.
    loaded.config.rebase(Path::new("/"));
    Ok(loaded)
}

fn config(text: &str) -> Config {
    load(text, &[]).unwrap().config
}

/// The error after the file's name.
fn error(text: &str) -> String {
    let error = load(text, &[]).unwrap_err().to_string();
    let (_, told) = error.split_once("rolegate.yaml: ").unwrap();
    assert!(!told.contains('\n'), "{told}");
    told.to_owned()
}

const FULL: &str = r#"
envoy:
  listen: 0.0.0.0:9191
  tls: { cert_file: /tls/cert.pem, key_file: /tls/key.pem, client_ca_file: /tls/ca.pem }
  token_sources:
    - { header: Authorization, scheme: Bearer }
    - { cookie: session }
    - { query: token }
  routes:
    - { host: "Shop.Example.com.", path_prefix: /orders, methods: [GET, POST], mount: clusters/eu1, role: "orders, billing" }
  default: { mount: kubernetes, role: any }
  client_address: { x-forwarded-for: 2 }
  client_tokens: false
  audience: gate
  identity_header_prefix: X-Gate-
  keep_token: true
  undecided: denied_response
  max_message_bytes: 8MiB
vault:
  listen: 127.0.0.1:8200
  client_address: x-envoy-external-address
ops: { listen: "[::1]:9192" }
store: { type: file, path: /etc/rolegate/store.yaml }
review:
  timeout: 1500ms
  max_in_flight: 2
  max_waiting: 3
  cache: { ttl: 1m 30s, refused_ttl: 0s, entries: 7 }
shutdown: { lame_duck: 0s, grace: 1h }
root_token_file: /etc/rolegate/root-token
"#;

#[test]
fn every_key_of_a_full_file_is_read() {
    let config = config(FULL);
    let envoy = config.envoy.unwrap();
    assert_eq!(
        envoy.tls,
        Some(TlsFiles {
            cert_file: "/tls/cert.pem".into(),
            key_file: "/tls/key.pem".into(),
            client_ca_file: Some("/tls/ca.pem".into()),
        })
    );
    assert_eq!(envoy.token_sources[0], TokenSource::defaults()[0]);
    assert_eq!(
        envoy.token_sources[1..],
        [TokenSource::Cookie("session".into()), TokenSource::Query("token".into())]
    );
    let route = &envoy.routes[0];
    assert_eq!(route.host.as_ref().unwrap().as_str(), "shop.example.com");
    assert_eq!(route.path_prefix.as_ref().unwrap().as_str(), "/orders");
    assert_eq!(route.methods.iter().map(Method::as_str).collect::<Vec<_>>(), ["GET", "POST"]);
    assert_eq!(route.mount.as_ref().unwrap().as_str(), "clusters/eu1");
    assert_eq!(route.role.as_str(), "orders,billing");
    assert_eq!(envoy.default.role.unwrap().as_str(), "any");
    assert_eq!(envoy.client_address, ClientAddress::XForwardedFor(2.try_into().unwrap()));
    assert_eq!(envoy.audience.as_deref(), Some("gate"));
    assert_eq!(envoy.identity_header_prefix.as_str(), "x-gate-");
    assert_eq!(envoy.undecided, UndecidedAnswer::DeniedResponse);
    assert!(envoy.keep_token && !envoy.client_tokens && !envoy.plaintext);
    assert_eq!(config.vault.unwrap().client_address, ClientAddress::XEnvoyExternalAddress);
    assert_eq!(config.ops.listen.to_string(), "[::1]:9192");
    assert_eq!(config.store, Store::File { path: "/etc/rolegate/store.yaml".into() });
    assert_eq!(config.review.timeout, Duration::from_millis(1500));
    assert_eq!((config.review.max_in_flight.get(), config.review.max_waiting.get()), (2, 3));
    assert_eq!(config.review.cache.ttl, Duration::from_secs(90));
    assert_eq!((config.review.cache.refused_ttl, config.review.cache.entries.get()), (Duration::ZERO, 7));
    assert_eq!(config.shutdown.grace, Duration::from_secs(3600));
    assert_eq!(config.root_token_file.as_deref(), Some(Path::new("/etc/rolegate/root-token")));
}

#[test]
fn what_is_left_out_has_the_documented_defaults() {
    let config = config("envoy: { plaintext: true }");
    let envoy = config.envoy.unwrap();
    assert_eq!(envoy.listen.to_string(), "0.0.0.0:9191");
    assert_eq!(envoy.token_sources.len(), 2);
    assert_eq!((envoy.default.mount.as_str(), envoy.default.role), ("kubernetes", None));
    assert_eq!((envoy.client_address, envoy.client_tokens), (ClientAddress::Peer, true));
    assert_eq!((envoy.audience, envoy.identity_header_prefix), (None, HeaderPrefix::default()));
    assert_eq!(envoy.undecided, UndecidedAnswer::ErrorResponse);
    assert_eq!(config.vault, None);
    assert_eq!(config.ops.listen.to_string(), "127.0.0.1:9192");
    assert_eq!(config.store, Store::Embedded { path: "/var/lib/rolegate".into(), key_file: None });
    assert_eq!((config.review.max_in_flight.get(), config.review.cache.entries.get()), (64, 100_000));
    assert_eq!(config.shutdown.lame_duck, Duration::from_secs(5));
}

#[test]
fn relative_paths_start_at_the_files_directory() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rolegate.yaml");
    fs::write(&file, "{envoy: {tls: {cert_file: c, key_file: /k}}, store: {type: file, path: s.yaml}}")
        .unwrap();
    let config = Config::load(&file, Environment::default()).unwrap().config;
    let tls = config.envoy.unwrap().tls.unwrap();
    assert_eq!((tls.cert_file, tls.key_file), (directory.path().join("c"), "/k".into()));
    assert_eq!(config.store, Store::File { path: directory.path().join("s.yaml") });
}

#[test]
fn every_mistake_is_told_with_its_key_and_what_is_expected() {
    let cases = [
        ("", "envoy: a door to serve is expected"),
        ("[]", "expected mapping"),
        ("envoy: {lissten: 1}", "envoy.lissten: unknown key, expected one of `listen`, `tls`"),
        ("envoi: {}", "envoi: unknown key, expected one of `envoy`"),
        ("envoy: {tls: {cert_file: a}}", "envoy.tls: `key_file` is missing"),
        ("envoy: {listen: nowhere}", "envoy.listen: expected an IP address and port"),
        ("envoy: {}", "envoy.tls: `0.0.0.0:9191` is not on the loopback"),
        ("{envoy: {listen: '[::1]:1'}, vault: {}}", "vault.tls: `0.0.0.0:8200` is not on the loopback"),
        (
            "envoy: {plaintext: true, tls: {cert_file: a, key_file: b}}",
            "envoy.plaintext: expected to be left out",
        ),
        ("envoy: {token_sources: []}", "envoy.token_sources: expected at least one"),
        ("envoy: {token_sources: [{header: a, cookie: b}]}", "envoy.token_sources.0: expected one of"),
        ("envoy: {token_sources: [{scheme: b}]}", "envoy.token_sources.0: expected one of"),
        ("envoy: {token_sources: [{header: 'a b'}]}", "envoy.token_sources.0: expected a valid header name"),
        ("envoy: {token_sources: [{header: Host}]}", "envoy.token_sources.0: expected another header"),
        ("envoy: {token_sources: [{header: a, scheme: ''}]}", "envoy.token_sources.0: expected a `scheme`"),
        ("envoy: {token_sources: [{query: 'a&b'}]}", "envoy.token_sources.0: expected one of"),
        ("envoy: {identity_header_prefix: x-gate}", "envoy.identity_header_prefix: expected the beginning"),
        (
            "envoy: {identity_header_prefix: 'x gate-'}",
            "envoy.identity_header_prefix: expected the beginning",
        ),
        ("envoy: {routes: [{path_prefix: orders, role: a}]}", "envoy.routes.0.path_prefix: expected a path"),
        ("envoy: {routes: [{path_prefix: /a//b, role: a}]}", "envoy.routes.0.path_prefix: expected a path"),
        (
            "envoy: {routes: [{path_prefix: '/a/{id}/*', role: a}]}",
            "envoy.routes.0.path_prefix: expected a path that has no `*` or `{…}`",
        ),
        ("envoy: {routes: [{host: 'a:80', role: a}]}", "envoy.routes.0.host: expected one host"),
        (
            "envoy: {routes: [{methods: [get], role: a}]}",
            "envoy.routes.0.methods.0: expected a method in capitals",
        ),
        ("envoy: {routes: [{host: a}]}", "envoy.routes.0: `role` is missing"),
        (
            "envoy: {default: {role: 'a,,b'}}",
            "envoy.default.role: expected role names between commas, found ``",
        ),
        (
            "envoy: {default: {role: 'a,b,c,d,e,f,g,h,i'}}",
            "envoy.default.role: expected at most 8 roles, found 9",
        ),
        ("envoy: {default: {mount: a//b}}", "envoy.default.mount: expected a mount's path"),
        (
            "envoy: {client_address: {x-forwarded-for: 0}}",
            "envoy.client_address.x-forwarded-for: expected a nonzero",
        ),
        ("envoy: {client_address: proxy}", "envoy.client_address: expected one of `peer`"),
        ("envoy: {undecided: allow}", "envoy.undecided: expected one of `error_response`, `denied_response`"),
        ("review: {timeout: 0s}", "review.timeout: expected a duration above zero"),
        ("review: {timeout: 5}", "review.timeout: expected a duration of at most a day, such as `5s`, found"),
        ("review: {timeout: 2d}", "review.timeout: expected a duration of at most a day"),
        ("review: {max_waiting: 0}", "review.max_waiting: expected a nonzero"),
        ("review: {cache: {entries: 0}}", "review.cache.entries: expected a nonzero"),
        ("store: {type: files}", "store.type: expected one of `memory`, `file`"),
        ("store: {type: file}", "store: expected `path`"),
        ("ops: {listen: 9192}", "ops.listen: expected an IP address and port"),
        ("ops: {listen: 127.0.0.1:1, tls: {}}", "ops.tls: unknown key"),
        ("ops: {", ""),
        ("{ops: {}, ops: {}}", ""),
    ];
    for (text, start) in cases {
        let told = error(text);
        assert!(told.starts_with(start), "`{text}` gave `{told}`");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nowhere/rolegate.yaml"), Environment::default()).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/rolegate.yaml: "), "{error}");
}

#[test]
fn variables_override_the_file() {
    let variables = [
        ("ROLEGATE_ENVOY__LISTEN", "[::1]:1234"),
        ("ROLEGATE_ENVOY__DEFAULT__ROLE", "orders"),
        ("ROLEGATE_ENVOY__CLIENT_ADDRESS", "{x-forwarded-for: 3}"),
        ("ROLEGATE_ENVOY__TOKEN_SOURCES", "[{header: x-token}]"),
        ("ROLEGATE_REVIEW__TIMEOUT", "7s"),
        ("ROLEGATE_STORE__TYPE", "memory"),
        ("ROLEGATE_ROOT_TOKEN", "hunter2"),
        ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
        ("KUBECONFIG", "/root/kubeconfig"),
        ("PATH", "/bin"),
    ];
    let loaded = load("envoy: {listen: 127.0.0.1:1}", &variables).unwrap();
    let envoy = loaded.config.envoy.clone().unwrap();
    assert_eq!(envoy.listen.to_string(), "[::1]:1234");
    assert_eq!(envoy.default.role.unwrap().as_str(), "orders");
    assert_eq!(envoy.client_address, ClientAddress::XForwardedFor(3.try_into().unwrap()));
    assert_eq!(envoy.token_sources.len(), 1);
    assert_eq!(loaded.config.review.timeout, Duration::from_secs(7));
    assert_eq!(loaded.config.store, Store::Memory);
    assert_eq!(loaded.root_token.as_ref().unwrap().expose(), "hunter2");
    assert_eq!(loaded.kubernetes_service_host.as_deref(), Some("10.0.0.1"));
    assert!(loaded.has_kubeconfig);
    assert_eq!(loaded.warnings, [""; 0]);
    assert!(!format!("{loaded:?}").contains("hunter2"));
}

#[test]
fn unknown_variables_are_warnings_and_wrong_values_are_errors() {
    let variables = [
        ("ROLEGATE_SERVICE_HOST", "10.1.2.3"),
        ("ROLEGATE_PORT_9191_TCP", "tcp://10.1.2.3:9191"),
        ("ROLEGATE_ENVOY__LISSTEN", "x"),
    ];
    let loaded = load("envoy: {listen: 127.0.0.1:1}", &variables).unwrap();
    assert_eq!(loaded.warnings.len(), 3, "{:?}", loaded.warnings);
    assert!(loaded.warnings.iter().any(|warning| warning.contains("`ROLEGATE_ENVOY__LISSTEN`")));

    let wrong = load("envoy: {listen: 127.0.0.1:1}", &[("ROLEGATE_REVIEW__TIMEOUT", "0s")]).unwrap_err();
    assert_eq!(wrong.to_string(), "ROLEGATE_REVIEW__TIMEOUT: review.timeout: expected a duration above zero");
}

#[test]
fn the_key_of_the_embedded_store_comes_from_a_file_or_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rolegate.yaml");
    fs::write(&file, "{envoy: {plaintext: true}, store: {path: data, key_file: key}}").unwrap();
    let store = Config::load(&file, Environment::default()).unwrap().config.store;
    let (path, key_file) = (directory.path().join("data"), directory.path().join("key"));
    assert_eq!(store, Store::Embedded { path, key_file: Some(key_file.clone()) });
    let told = |environment| store.key(&file, environment).unwrap_err().to_string();
    assert!(told(None).contains(": store.key_file: expected a file that can be read: `"), "{}", told(None));
    fs::write(&key_file, "hunter2").unwrap();
    assert!(told(None).ends_with("/key`: expected a key of 32 bytes, as 64 hex digits or in base64"));
    fs::write(&key_file, "a1".repeat(32) + "\n").unwrap();
    let key = store.key(&file, None).unwrap().unwrap();
    assert!(told(Some(key.clone())).ends_with("found both"));

    let environment = || [("ROLEGATE_STORE_KEY", "oaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaE")];
    let loaded = load("envoy: {plaintext: true}", &environment()).unwrap();
    assert_eq!((loaded.store_key.as_ref(), loaded.warnings.len()), (Some(&key), 0));
    assert_eq!(Store::default().key(&file, loaded.store_key), Ok(Some(key)));
    assert_eq!(Store::default().key(&file, None), Ok(None));
    let wrong = load("envoy: {plaintext: true}", &[("ROLEGATE_STORE_KEY", "hunter2")]).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "ROLEGATE_STORE_KEY: expected a key of 32 bytes, as 64 hex digits or in base64"
    );
}

#[test]
fn a_proxy_is_looked_for_where_the_configuration_says_so_alone() {
    let file = |proxy: &str| format!("{{envoy: {{listen: 127.0.0.1:1}}, review: {{proxy: {proxy}}}}}");
    let bad = [("HTTPS_PROXY", "socks5://hunter2@proxy")];
    let loaded = load(&file("none"), &bad).unwrap();
    assert_eq!((loaded.proxy.is_none(), loaded.warnings.len()), (true, 0));
    let refused = load(&file("environment"), &bad).unwrap_err().to_string();
    assert!(refused.starts_with("HTTPS_PROXY: SOCKS proxies") && !refused.contains("hunter2"), "{refused}");
    let loaded = load(&file("environment"), &[("HTTPS_PROXY", "http://u:hunter2@proxy:3128")]).unwrap();
    assert_eq!(loaded.proxy.as_ref().unwrap().host, "proxy");
    assert!(!format!("{loaded:?}").contains("hunter2") && loaded.warnings.is_empty());
    assert!(load(&file("environment"), &[]).unwrap().warnings[0].contains("`HTTPS_PROXY` is not set"));
}
