//! Every CheckResponse that leaves is built here. A default one is an allow, so nobody else may build one.

mod headers;
mod kept;
mod removals;
mod template;

use envoy_types::pb::envoy::config::core::v3::HeaderValueOption;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckResponse, DeniedHttpResponse, OkHttpResponse};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};
use envoy_types::pb::google::rpc::Status;
use headers::Identity;
pub use headers::{IdentityHeaders, MAX_POLICIES_BYTES};
pub use kept::KeptAnswers;
pub use removals::{RemovalRules, Removals, Unreturnable};
pub use template::{Template, frame};

use super::request::RequestView;

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
    Deny(Deny, BodyForm),
    /// Nobody can tell.
    Undecided(Undecided, BodyForm),
}

/// How the body of an answer to the client reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyForm {
    /// Vault's JSON.
    Json,
    /// The plain sentence, which Envoy makes the `grpc-message` of a gRPC request.
    Sentence,
}

impl BodyForm {
    /// Both, for tables that are built once.
    pub const ALL: [Self; 2] = [Self::Json, Self::Sentence];

    /// The form for this request: Envoy takes `application/grpc`, alone or with `+` and a codec, for gRPC.
    pub fn for_request(view: RequestView<'_>) -> Self {
        let is_grpc = |value: &[u8]| {
            value
                .strip_prefix(b"application/grpc")
                .is_some_and(|rest| matches!(rest.first(), None | Some(b'+')))
        };
        if view.header("content-type").next().is_some_and(is_grpc) { Self::Sentence } else { Self::Json }
    }

    /// The body, and the header that names its type. A gRPC answer keeps Envoy's own type.
    fn body(self, sentence: &str) -> (String, Option<HeaderValueOption>) {
        match self {
            // Vault's form of an error.
            Self::Json => {
                let body = serde_json::json!({ "errors": [sentence] }).to_string();
                (body, Some(headers::set("content-type", "application/json".to_owned())))
            }
            Self::Sentence => (sentence.to_owned(), None),
        }
    }
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
        let nobody = || vec![("decision-id", text(decision_id))];
        let (code, http_response, mut metadata) = match reply {
            Reply::Allow(grant, removals) => {
                let identity = Identity::new(grant, decision_id);
                let ok = self.headers.ok_response(&identity, removals);
                (0, HttpResponse::OkResponse(ok), identity_metadata(identity))
            }
            Reply::Deny(deny, form) => {
                (rpc_code(deny), HttpResponse::DeniedResponse(denied(deny, form)), nobody())
            }
            Reply::Undecided(undecided, form) => {
                (UNAVAILABLE, self.undecided_response(undecided, form), nobody())
            }
        };
        let (outcome, reason) = match reply {
            Reply::Allow(..) => ("allow", "allowed"),
            Reply::Deny(deny, _) => ("deny", deny.name()),
            Reply::Undecided(undecided, _) => ("undecided", undecided.name()),
        };
        metadata.extend([("outcome", text(outcome)), ("reason", text(reason))]);
        let fields =
            metadata.into_iter().map(|(key, kind)| (key.to_owned(), Value { kind: Some(kind) })).collect();
        CheckResponse {
            status: Some(Status { code, ..Status::default() }),
            dynamic_metadata: Some(Struct { fields }),
            http_response: Some(http_response),
        }
    }

    fn undecided_response(&self, undecided: Undecided, form: BodyForm) -> HttpResponse {
        let (body, content_type) = form.body(undecided.sentence());
        let retry_after = headers::set("retry-after", RETRY_AFTER.to_owned());
        let headers = content_type.into_iter().chain([retry_after]).collect();
        let answer = DeniedHttpResponse { status: Some(HttpStatus { code: 503 }), headers, body };
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

fn denied(deny: Deny, form: BodyForm) -> DeniedHttpResponse {
    let (status, challenge) = match deny.class() {
        DenyClass::NoCredentials => (401, Some(r#"Bearer realm="rolegate""#)),
        DenyClass::InvalidToken => (401, Some(r#"Bearer realm="rolegate", error="invalid_token""#)),
        DenyClass::InsufficientScope => (403, Some(r#"Bearer realm="rolegate", error="insufficient_scope""#)),
        DenyClass::ContentTooLarge => (413, None),
    };
    let (body, content_type) = form.body(deny.sentence());
    let challenge = challenge.map(|challenge| headers::set("www-authenticate", challenge.to_owned()));
    let headers = content_type.into_iter().chain(challenge).collect();
    DeniedHttpResponse { status: Some(HttpStatus { code: status }), headers, body }
}

fn text(value: &str) -> Kind {
    Kind::StringValue(value.to_owned())
}

fn identity_metadata(identity: Identity) -> Vec<(&'static str, Kind)> {
    let omitted = identity.policies_omitted.then_some(("policies_omitted", Kind::BoolValue(true)));
    let fields = identity.fields.into_iter().map(|(key, value)| (key, Kind::StringValue(value)));
    fields.chain(omitted).collect()
}

/// Ok responses are built by the headers' names alone.
impl IdentityHeaders {
    fn ok_response(&self, identity: &Identity, removals: &Removals) -> OkHttpResponse {
        let mut set = Vec::with_capacity(identity.fields.len());
        let mut remove = Vec::new();
        for (name, key) in self.names() {
            match identity.fields.iter().find(|(field, value)| *field == key && !value.is_empty()) {
                Some((_, value)) => set.push(headers::set(name, value.clone())),
                None => remove.push(name.to_owned()),
            }
        }
        if let Some(cookie) = &removals.cookie_left {
            set.push(headers::set("cookie", cookie.clone()));
        }
        // Not by `query_parameters_to_remove`: Envoy writes the rest of the query anew, as it reads it.
        if let Some(path) = &removals.path_left {
            set.push(headers::set(":path", path.clone()));
        }
        // The two lists never share a name: Envoy removes after it sets.
        let is_set = |name: &str| {
            set.iter().any(|option| option.header.as_ref().is_some_and(|header| header.key == name))
        };
        remove.extend(removals.headers.iter().filter(|name| !is_set(name)).cloned());
        OkHttpResponse { headers_to_remove: remove, headers: set, ..OkHttpResponse::default() }
    }
}

#[cfg(test)]
mod tests;
