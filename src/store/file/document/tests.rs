//! Store files, good and bad.

use std::fs;

use super::Document;

/// Reads `store.yaml` with `jwt` and `empty` beside it; the error without the file's name.
fn read(text: &str) -> Result<Document, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.yaml");
    fs::write(&file, text).unwrap();
    fs::write(directory.path().join("jwt"), "hunter2\n").unwrap();
    fs::write(directory.path().join("empty"), "\n").unwrap();
    Document::read(&file).map_err(|error| {
        let told = error.to_string();
        assert!(!told.contains('\n') && !told.contains("hunter2"), "{told}");
        told.split_once("store.yaml: ").unwrap().1.to_owned()
    })
}

#[test]
fn a_file_holds_mounts_roles_and_policies_in_vaults_words() {
    let document = read(
        r#"
mounts:
  clusters/eu1:
    config: { kubernetes_host: https://kube, token_reviewer_jwt_file: jwt, disable_iss_validation: "false" }
    roles:
      Orders: { bound_service_account_names: "orders,bill*", bound_service_account_namespaces: [shop], token_ttl: 1h }
  empty:
policies:
  Orders: |
    path "x" { capabilities = ["read"] }
"#,
    )
    .unwrap();
    let mount = &document.mounts[0];
    let config = mount.config.as_ref().unwrap();
    assert_eq!((mount.path.as_str(), config.kubernetes_host.as_str()), ("clusters/eu1", "https://kube"));
    assert_eq!(config.token_reviewer_jwt.as_ref().unwrap().expose(), "hunter2\n");
    assert!(!config.disable_iss_validation);
    assert_eq!(document.references[0].file_name().unwrap(), "jwt");
    let role = &mount.roles[0];
    assert_eq!((role.name.as_str(), role.token.ttl), ("orders", 3600));
    assert_eq!(role.bound_service_account_names, ["orders", "bill*"]);
    assert!(document.mounts[1].config.is_none() && document.mounts[1].roles.is_empty());
    assert!(document.policies["orders"].starts_with("path"));
}

#[test]
fn pem_keys_come_from_a_file_as_one_item() {
    let key = rcgen::KeyPair::generate().unwrap().public_key_pem();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("keys.pem"), format!("# mine, and yours\n{key}{key}")).unwrap();
    let file = directory.path().join("store.yaml");
    fs::write(&file, "mounts: {m: {config: {kubernetes_host: h, pem_keys_file: keys.pem}}}").unwrap();
    let document = Document::read(&file).unwrap();
    assert_eq!(document.mounts[0].config.as_ref().unwrap().pem_keys.len(), 1);
}

#[test]
fn every_mistake_is_told_with_its_key_and_what_is_expected() {
    let role = |fields: &str| format!("mounts: {{m: {{roles: {{r: {{{fields}}}}}}}}}");
    let bound = "bound_service_account_names: a, bound_service_account_namespaces: b";
    let config = |fields: &str| format!("mounts: {{m: {{config: {{{fields}}}}}}}");
    let cases = [
        (String::new(), "expected `mounts`"),
        ("roles: {}".to_owned(), "expected `mounts`"),
        ("mounts: [".to_owned(), ""),
        ("{mounts: {}, mount: {}}".to_owned(), "mount: unknown key, expected one of `mounts`, `policies`"),
        ("mounts: []".to_owned(), "mounts: expected keys with values"),
        (
            "mounts: {m: {role: {}}}".to_owned(),
            "mounts.m.role: unknown key, expected one of `config`, `roles`",
        ),
        ("mounts: {m/: {}}".to_owned(), "mounts.m/: expected a path without slashes"),
        ("mounts: {a//b: {}}".to_owned(), "mounts.a//b: expected a mount's path"),
        ("{policies: {p: 1}}".to_owned(), "policies.p: expected a policy's text"),
        (config(""), "mounts.m.config.kubernetes_host: no host provided"),
        (config("kubernetes_host: h, kubernetes_hots: h"), "mounts.m.config.kubernetes_hots: unknown key"),
        (config("kubernetes_host: h, issuer: {}"), "mounts.m.config.issuer: '' expected type 'string'"),
        (config("kubernetes_host: h, token_reviewer_jwt: [hunter2]"), "mounts.m.config.token_reviewer_jwt: "),
        (config("kubernetes_host: h, pem_keys: bad"), "mounts.m.config.pem_keys: data does not contain"),
        (config("kubernetes_host: h, pem_keys_file: jwt"), "mounts.m.config.pem_keys: data does not contain"),
        (
            config("kubernetes_host: h, kubernetes_ca_cert_file: nowhere"),
            "mounts.m.config.kubernetes_ca_cert_file: expected a file that can be read",
        ),
        (
            config("kubernetes_host: h, token_reviewer_jwt_file: empty"),
            "mounts.m.config.token_reviewer_jwt_file: expected a file that is not empty",
        ),
        (
            config("kubernetes_host: h, token_reviewer_jwt: x, token_reviewer_jwt_file: jwt"),
            "mounts.m.config.token_reviewer_jwt_file: expected to be left out",
        ),
        (config("kubernetes_host: h, issuer_file: jwt"), "mounts.m.config.issuer_file: unknown key"),
        (
            role("bound_service_account_names: a"),
            "mounts.m.roles.r: \"bound_service_account_namespaces\" can not",
        ),
        (role(&format!("{bound}, name: x")), "mounts.m.roles.r.name: unknown key"),
        (role(&format!("{bound}, token_ttl: 1w")), "mounts.m.roles.r.token_ttl: time: unknown unit"),
        (role(&format!("{bound}, token_bound_cidrs: x")), "mounts.m.roles.r: error parsing address"),
        (
            format!("mounts: {{m: {{roles: {{'a b': {{{bound}}}}}}}}}"),
            "mounts.m.roles.a b: expected a role's name",
        ),
        (
            format!("mounts: {{m: {{roles: {{a: {{{bound}}}, A: {{{bound}}}}}}}}}"),
            "mounts.m.roles.a: expected once",
        ),
    ];
    for (text, start) in cases {
        let told = read(&text).unwrap_err();
        assert!(told.starts_with(start), "`{text}` gave `{told}`");
    }
}

#[test]
fn more_roles_than_a_yaml_reader_takes_by_itself_are_read() {
    let roles: String = (0..22_000)
        .map(|n| {
            format!(
                "      role-{n}: {{bound_service_account_names: [sa-{n}], bound_service_account_namespaces: [ns-{n}], \
                 audience: gate, token_policies: [p-{n}]}}\n"
            )
        })
        .collect();
    let document = read(&format!("mounts:\n  m:\n    roles:\n{roles}")).unwrap();
    assert_eq!(document.roles(), 22_000);
}
