//! What came of a request, in the protocol's terms.

use serde_json::{Map, Value, json};

use super::wire::pb;
use crate::vault::outcome::{Answer, Class, Outcome, Refusal};

/// The kinds of `ProtoError` that are sent. Of the last three the core tells a text of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ErrorType {
    /// 500 with the message.
    Plain = 0,
    /// Of an existence check alone, which has no response to put it in: 400 with the message.
    User = 1,
    /// The status in the code, with the message.
    Coded = 3,
    /// 405 `unsupported operation`
    UnsupportedOperation = 5,
    /// 404 `unsupported path`
    UnsupportedPath = 6,
    /// 403 `permission denied`
    PermissionDenied = 8,
}

/// What there is to say of a request.
pub(super) fn reply(outcome: Outcome) -> pb::HandleRequestReply {
    match outcome {
        // Nothing: the core makes 204 or 404 of it.
        Outcome::Done(answer) if answer.is_empty() => pb::HandleRequestReply::default(),
        Outcome::Done(Answer { data, warnings, .. }) => {
            with(pb::Response { warnings, data: text(data), ..pb::Response::default() })
        }
        Outcome::Refused(refusal) => refused(&refusal),
    }
}

/// An answer with an `auth`.
pub(super) fn authenticated(auth: pb::Auth, warnings: Vec<String>) -> pb::HandleRequestReply {
    with(pb::Response { auth: Some(auth), warnings, data: text(None), ..pb::Response::default() })
}

/// An answer with these data.
pub(super) fn told(data: Value) -> pb::HandleRequestReply {
    with(pb::Response { data: data.to_string(), ..pb::Response::default() })
}

fn with(response: pb::Response) -> pb::HandleRequestReply {
    pb::HandleRequestReply { response: Some(response), err: None }
}

fn failed(err: pb::ProtoError) -> pb::HandleRequestReply {
    pb::HandleRequestReply { response: None, err: Some(err) }
}

/// The core reads whatever is there as JSON.
fn text(data: Option<Map<String, Value>>) -> String {
    data.map_or(Value::Null, Value::Object).to_string()
}

fn refused(refusal: &Refusal) -> pb::HandleRequestReply {
    match refusal.class {
        // A "logical error response", which the core answers with 400.
        Class::Invalid => told(json!({"error": message(refusal)})),
        _ => failed(proto_error(refusal)),
    }
}

/// A refusal where the protocol takes only an error.
pub(super) fn proto_error(refusal: &Refusal) -> pb::ProtoError {
    let message = message(refusal);
    match (refusal.class, message.as_str()) {
        (Class::Denied, "permission denied") => error(ErrorType::PermissionDenied, 0, message),
        (Class::NotFound, "unsupported path") => error(ErrorType::UnsupportedPath, 0, message),
        (Class::Unsupported, "unsupported operation") => error(ErrorType::UnsupportedOperation, 0, message),
        (Class::Denied, _) => error(ErrorType::Coded, 403, message),
        (Class::NotFound, _) => error(ErrorType::Coded, 404, message),
        (Class::Unsupported, _) => error(ErrorType::Coded, 405, message),
        (Class::Unavailable, _) => error(ErrorType::Coded, 503, message),
        (Class::Invalid, _) => error(ErrorType::User, 0, message),
        (Class::Internal, _) => error(ErrorType::Plain, 0, message),
    }
}

/// The text as the backend says it; the core lists it where it does.
fn message(refusal: &Refusal) -> String {
    refusal.errors.join(", ")
}

fn error(kind: ErrorType, code: i64, message: impl Into<String>) -> pb::ProtoError {
    pb::ProtoError { err_type: kind as u32, err_msg: message.into(), err_code: code }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{authenticated, reply, told};
    use crate::plugin::wire::pb;
    use crate::vault::call::{unsupported_operation, unsupported_path};
    use crate::vault::outcome::{Answer, Class, Outcome, Refusal};

    fn error_of(outcome: Outcome) -> (u32, i64, String) {
        let reply = reply(outcome);
        assert_eq!(reply.response, None);
        let error = reply.err.unwrap();
        (error.err_type, error.err_code, error.err_msg)
    }

    #[test]
    fn every_refusal_has_its_row_in_the_protocol() {
        let of = |class, text: &str| error_of(Refusal::new(class, text).into());
        assert_eq!(of(Class::Denied, "permission denied"), (8, 0, "permission denied".to_owned()));
        assert_eq!(of(Class::Denied, "token expired"), (3, 403, "token expired".to_owned()));
        assert_eq!(of(Class::NotFound, "gone"), (3, 404, "gone".to_owned()));
        assert_eq!(of(Class::Unsupported, "read only"), (3, 405, "read only".to_owned()));
        assert_eq!(of(Class::Internal, "broken"), (0, 0, "broken".to_owned()));
        assert_eq!(of(Class::Unavailable, "later"), (3, 503, "later".to_owned()));
        assert_eq!(error_of(unsupported_path()), (6, 0, "unsupported path".to_owned()));
        assert_eq!(error_of(unsupported_operation()), (5, 0, "unsupported operation".to_owned()));
        // Told by the core, not by us, as one of a list.
        assert_eq!(error_of(Refusal::new(Class::Internal, "x").listed().into()), (0, 0, "x".to_owned()));
        let invalid = reply(Refusal::new(Class::Invalid, "missing jwt").into());
        assert_eq!(
            (invalid.err, invalid.response.unwrap().data),
            (None, json!({"error": "missing jwt"}).to_string())
        );
    }

    #[test]
    fn nothing_to_say_is_no_response() {
        let nothing = reply(Answer::default().into());
        assert_eq!((nothing.response, nothing.err), (None, None));
    }

    proptest! {
        #[test]
        fn data_are_json_whatever_is_said(class in 0..6_usize, text in ".*", key in ".*", warnings: Vec<String>) {
            let classes = [Class::Invalid, Class::Denied, Class::NotFound, Class::Unsupported, Class::Internal, Class::Unavailable];
            let data = [(key, json!(text))].into_iter().collect();
            let replies = [
                reply(Refusal::new(classes[class], text.clone()).into()),
                reply(Answer { data: Some(data), ..Answer::default() }.into()),
                reply(Answer { warnings: warnings.clone(), ..Answer::default() }.into()),
                authenticated(pb::Auth::default(), warnings),
                told(json!({"role": text})),
            ];
            for reply in replies {
                prop_assert!(reply.response.is_none() || reply.err.is_none());
                if let Some(response) = reply.response {
                    prop_assert!(serde_json::from_str::<Value>(&response.data).is_ok(), "{}", response.data);
                }
            }
        }
    }
}
