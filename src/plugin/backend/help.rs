//! Texts for `path-help`, and the paths as OpenAPI.

use serde_json::{Value, json};

use crate::core::mount::decode::CONFIG_FIELDS;
use crate::core::role::decode::ROLE_FIELDS;
use crate::plugin::outcome::{reply, told};
use crate::plugin::wire::pb;
use crate::vault::call::unsupported_path;
use crate::vault::kubernetes::{LOGIN_FIELDS, role_name};

const ABOUT: &str = "Logs Kubernetes service accounts in.

A workload sends the token of its service account and the name of a role to `login`. The API server that `config` names
reviews the token; the role says which service accounts may have which policies.

    config         which API server is asked, and how
    login          a service-account token for a client token
    role/          the names of all roles
    role/<name>    who may log in, and what the login issues
";

const CONFIG: &str = "Which Kubernetes API server is asked, and how.

A write replaces the whole configuration. A read does not show `token_reviewer_jwt`, but `token_reviewer_jwt_set`.
";

const LOGIN: &str = "Logs a service account in.

Takes `role` and `jwt`, the token of a service account. The API server reviews the token, and the role decides.
";

const ROLES: &str = "The names of all roles.
";

const ROLE: &str = "A role: who may log in, and what the login issues.

`bound_service_account_names`, and `bound_service_account_namespaces` or
`bound_service_account_namespace_selector`, say who. The `token_…` fields say what. A write that leaves a field out leaves
it as it is.
";

/// The help of a path.
pub(super) fn answer(path: &str) -> pb::HandleRequestReply {
    let text = match path.trim_end_matches('/') {
        "" => return told(json!({"help": ABOUT, "see_also": [], "openapi": document()})),
        "config" => CONFIG,
        "login" => LOGIN,
        "role" => ROLES,
        path if role_name(path).is_some() => ROLE,
        _ => return reply(unsupported_path()),
    };
    told(json!({"help": text, "see_also": []}))
}

/// OpenAPI 3.0.2, paths relative to the mount. The core merges it with those of its other mounts.
fn document() -> Value {
    let name = json!([{
        "name": "name", "in": "path", "required": true, "description": "The role's name.",
        "schema": {"type": "string"},
    }]);
    let list = json!([{
        "name": "list", "in": "query", "required": true, "description": "Must be `true`.",
        "schema": {"type": "string", "enum": ["true"]},
    }]);
    let done = |status: &str| json!({status: {"description": "OK"}});
    let read = |id: &str| json!({"operationId": id, "responses": done("200")});
    let write = |id: &str, status: &str, fields: &[&str]| {
        let properties: serde_json::Map<String, Value> =
            fields.iter().map(|field| ((*field).to_owned(), json!({}))).collect();
        let schema = json!({"type": "object", "properties": properties});
        json!({
            "operationId": id, "responses": done(status),
            "requestBody": {"content": {"application/json": {"schema": schema}}},
        })
    };
    let mut listing = read("kubernetes-list-auth-roles");
    if let Some(listing) = listing.as_object_mut() {
        listing.insert("parameters".to_owned(), list);
    }
    let delete = json!({"operationId": "kubernetes-delete-auth-role", "responses": done("204")});
    json!({
        "openapi": "3.0.2",
        "info": {"title": "rolegate", "description": ABOUT, "version": env!("CARGO_PKG_VERSION")},
        "paths": {
            "/config": {
                "description": CONFIG,
                "get": read("kubernetes-read-auth-configuration"),
                "post": write("kubernetes-configure-auth", "204", &CONFIG_FIELDS),
            },
            "/login": {
                "description": LOGIN, "x-vault-unauthenticated": true,
                "post": write("kubernetes-login", "200", &LOGIN_FIELDS),
            },
            "/role/": {"description": ROLES, "get": listing},
            "/role/{name}": {
                "description": ROLE, "x-vault-createSupported": true, "parameters": name,
                "get": read("kubernetes-read-auth-role"),
                "post": write("kubernetes-write-auth-role", "204", &ROLE_FIELDS),
                "delete": delete,
            },
        },
    })
}
