//! Every CheckResponse that leaves is built here. A default one is an allow, so nobody else may build one.

mod headers;
mod template;

use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckResponse, DeniedHttpResponse, OkHttpResponse};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};
use envoy_types::pb::google::rpc::Status;
pub use headers::{IdentityHeaders, Removals};
pub use template::{Template, frame};

use crate::config::UndecidedAnswer;
use crate::core::reason::{Deny, DenyClass, Undecided};
use crate::gate::Grant;

/// How long a caller should wait before it asks again, in seconds.
const RETRY_AFTER: &str = "1";

/// What is to be said.
#[derive(Debug, Clone, Copy)]
pub enum Reply<'a> {
    /// Go on, as this identity, without these parts of the request.
    Allow(&'a Grant, &'a Removals),
    /// Refused.
    Deny(Deny),
    /// Nobody can tell.
    Undecided(Undecided),
}

/// How answers look, by configuration.
#[derive(Debug)]
pub struct AnswerStyle {
    /// The names of the identity headers.
    pub headers: IdentityHeaders,
    /// How an undecided answer leaves.
    pub undecided: UndecidedAnswer,
}

impl AnswerStyle {
    /// The one constructor of responses: code 0 for [`Reply::Allow`] and for nothing else.
    pub fn response(&self, reply: Reply<'_>, decision_id: &str) -> CheckResponse {
        let nobody = || vec![("decision-id", decision_id.to_owned())];
        let (code, http_response, mut metadata) = match reply {
            Reply::Allow(grant, removals) => {
                let identity = headers::identity(grant, decision_id);
                let ok = self.headers.ok_response(&identity, removals);
                (0, HttpResponse::OkResponse(ok), identity)
            }
            Reply::Deny(deny) => (rpc_code(deny), HttpResponse::DeniedResponse(denied(deny)), nobody()),
            Reply::Undecided(undecided) => (UNAVAILABLE, self.undecided_response(undecided), nobody()),
        };
        let (outcome, reason) = match reply {
            Reply::Allow(..) => ("allow", "allowed"),
            Reply::Deny(deny) => ("deny", deny.name()),
            Reply::Undecided(undecided) => ("undecided", undecided.name()),
        };
        metadata.extend([("outcome", outcome.to_owned()), ("reason", reason.to_owned())]);
        CheckResponse {
            status: Some(Status { code, ..Status::default() }),
            dynamic_metadata: Some(as_struct(metadata)),
            http_response: Some(http_response),
        }
    }

    fn undecided_response(&self, undecided: Undecided) -> HttpResponse {
        let headers = vec![
            headers::set("content-type", "application/json".to_owned()),
            headers::set("retry-after", RETRY_AFTER.to_owned()),
        ];
        let answer = DeniedHttpResponse {
            status: Some(HttpStatus { code: 503 }),
            headers,
            body: body(undecided.sentence()),
        };
        // What strangers can provoke must not be opened by a `failure_mode_allow`.
        match self.undecided {
            UndecidedAnswer::ErrorResponse if undecided.may_open() => HttpResponse::ErrorResponse(answer),
            UndecidedAnswer::ErrorResponse | UndecidedAnswer::DeniedResponse => {
                HttpResponse::DeniedResponse(answer)
            }
        }
    }
}

/// google.rpc.Code UNAVAILABLE
const UNAVAILABLE: i32 = 14;

/// google.rpc.Code PERMISSION_DENIED or UNAUTHENTICATED
const fn rpc_code(deny: Deny) -> i32 {
    match deny.class() {
        DenyClass::InsufficientScope | DenyClass::ContentTooLarge => 7,
        DenyClass::NoCredentials | DenyClass::InvalidToken => 16,
    }
}

fn denied(deny: Deny) -> DeniedHttpResponse {
    let (status, challenge) = match deny.class() {
        DenyClass::NoCredentials => (401, Some(r#"Bearer realm="rolegate""#)),
        DenyClass::InvalidToken => (401, Some(r#"Bearer realm="rolegate", error="invalid_token""#)),
        DenyClass::InsufficientScope => (403, Some(r#"Bearer realm="rolegate", error="insufficient_scope""#)),
        DenyClass::ContentTooLarge => (413, None),
    };
    let mut headers = vec![headers::set("content-type", "application/json".to_owned())];
    headers.extend(challenge.map(|challenge| headers::set("www-authenticate", challenge.to_owned())));
    DeniedHttpResponse { status: Some(HttpStatus { code: status }), headers, body: body(deny.sentence()) }
}

/// Vault's form of an error.
fn body(sentence: &str) -> String {
    serde_json::json!({ "errors": [sentence] }).to_string()
}

fn as_struct(fields: Vec<(&'static str, String)>) -> Struct {
    let fields = fields
        .into_iter()
        .map(|(key, value)| (key.to_owned(), Value { kind: Some(Kind::StringValue(value)) }))
        .collect();
    Struct { fields }
}

/// Ok responses are built by the headers' names alone.
impl IdentityHeaders {
    fn ok_response(&self, identity: &[(&'static str, String)], removals: &Removals) -> OkHttpResponse {
        let mut set = Vec::with_capacity(identity.len());
        let mut remove = Vec::new();
        for (name, key) in self.names() {
            match identity.iter().find(|(field, value)| *field == key && !value.is_empty()) {
                Some((_, value)) => set.push(headers::set(name, value.clone())),
                None => remove.push(name.to_owned()),
            }
        }
        if let Some(cookie) = &removals.cookie_left {
            set.push(headers::set("cookie", cookie.clone()));
        }
        // The two lists never share a name: Envoy removes after it sets.
        let is_set = |name: &str| {
            set.iter().any(|option| option.header.as_ref().is_some_and(|header| header.key == name))
        };
        remove.extend(removals.headers.iter().filter(|name| !is_set(name)).cloned());
        OkHttpResponse {
            headers_to_remove: remove,
            query_parameters_to_remove: removals.query_parameters.clone(),
            headers: set,
            ..OkHttpResponse::default()
        }
    }
}

#[cfg(test)]
mod tests;
