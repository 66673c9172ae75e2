//! What a core may say, and what is answered.

use std::collections::HashMap;

use super::*;

fn pem() -> String {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem()
}

fn said(variables: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
    let pem = pem();
    let usual = [("PLUGIN_PROTOCOL_VERSIONS", "5"), ("PLUGIN_CLIENT_CERT", pem.as_str())];
    let all = usual.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let all: HashMap<String, String> = all.collect();
    move |name| all.get(name).cloned()
}

#[test]
fn only_the_right_cookie_tells_of_a_core() {
    assert!(is_started_by_core(said(&[COOKIE])));
    assert!(!is_started_by_core(said(&[])));
    assert!(!is_started_by_core(said(&[(COOKIE.0, "6669da05")])));
}

#[test]
fn only_version_five_is_spoken() {
    for versions in ["5", "5,4", "3, 5"] {
        Handshake::read(said(&[("PLUGIN_PROTOCOL_VERSIONS", versions)])).unwrap();
    }
    for versions in ["", "3,4", "55", "6"] {
        let refused = Handshake::read(said(&[("PLUGIN_PROTOCOL_VERSIONS", versions)])).unwrap_err();
        assert!(matches!(&refused, HandshakeError::Version(offered) if offered == versions), "{refused}");
    }
}

#[test]
fn without_a_certificate_of_the_core_nothing_is_served() {
    let refused = Handshake::read(said(&[("PLUGIN_CLIENT_CERT", "")])).unwrap_err();
    assert!(matches!(refused, HandshakeError::NoCertificate));
    let refused = Handshake::read(said(&[("PLUGIN_CLIENT_CERT", "-----BEGIN")])).unwrap_err();
    assert!(matches!(refused, HandshakeError::Certificate(_)));
}

#[test]
fn openbaos_variables_count_before_vaults() {
    let locks = |variables: &[(&str, &str)]| Handshake::read(said(variables)).unwrap().lock_memory;
    assert!(!locks(&[]));
    assert!(locks(&[("VAULT_PLUGIN_MLOCK_ENABLED", "true")]));
    assert!(!locks(&[("VAULT_PLUGIN_MLOCK_ENABLED", "true"), ("BAO_PLUGIN_MLOCK_ENABLED", "false")]));
}

#[test]
fn the_line_has_six_fields_and_a_seventh_where_one_socket_was_asked_for() {
    let certificate = CertificateDer::from(vec![1, 2, 3, 4]);
    let line = |variables: &[(&str, &str)]| {
        Handshake::read(said(variables)).unwrap().answer(Path::new("/run/a.sock"), &certificate)
    };
    assert_eq!(line(&[]), "1|5|unix|/run/a.sock|grpc|AQIDBA");
    assert_eq!(line(&[("PLUGIN_MULTIPLEX_GRPC", "true")]), "1|5|unix|/run/a.sock|grpc|AQIDBA|false");
}
