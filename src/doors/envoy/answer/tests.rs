//! Every answer that can leave, looked at as Envoy does.

mod allow;
mod removals;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use envoy_types::pb::envoy::config::core::v3::HeaderValueOption;
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckResponse, DeniedHttpResponse};
use envoy_types::pb::google::protobuf::value::Kind;
use proptest::prelude::*;
use prost::Message as _;

use super::super::testing::{Sent, sources};
use super::{AnswerStyle, BodyForm, IdentityHeaders, RemovalRules, Removals, Reply, Template, frame};
use crate::config::UndecidedAnswer;
use crate::core::identity::{Review, ReviewStatus};
use crate::core::reason::{Deny, Undecided};
use crate::core::role::{Role, TokenParameters};
use crate::gate::Grant;
use crate::gate::tests::script;
use crate::record::decision_id::{DECISION_ID_LEN, DecisionId};

const ID: &str = "0123456789abcdef0000000000000007";

const STYLES: [UndecidedAnswer; 2] = [UndecidedAnswer::ErrorResponse, UndecidedAnswer::DeniedResponse];

fn style(undecided: UndecidedAnswer) -> AnswerStyle {
    AnswerStyle { headers: IdentityHeaders::new("x-rolegate-"), undecided }
}

fn denials<'a>() -> impl Iterator<Item = Reply<'a>> {
    BodyForm::ALL.into_iter().flat_map(|form| {
        let denials = Deny::ALL.into_iter().map(move |deny| Reply::Deny(deny, form));
        denials.chain(Undecided::ALL.into_iter().map(move |undecided| Reply::Undecided(undecided, form)))
    })
}

fn granted(path: &str, role: &str, account: [&str; 3], policies: &[&str]) -> Grant {
    let [namespace, name, uid] = account;
    let status = ReviewStatus {
        authenticated: true,
        username: format!("system:serviceaccount:{namespace}:{name}"),
        uid: uid.to_owned(),
        ..ReviewStatus::default()
    };
    let policies = policies.iter().map(|policy| (*policy).to_owned()).collect();
    let token = TokenParameters { policies, no_default_policy: true, ..TokenParameters::default() };
    let role = Role { token, ..script::role(role) };
    script::grant(path, role, Arc::new(Review::of(&status, &[""; 0])))
}

prop_compose! {
    /// A grant with names that no cluster has, but a mistake might let in.
    fn any_grant()(
        (path, role, uid) in ("\\PC{1,12}", "\\PC{1,12}", "\\PC{0,12}"),
        (namespace, name) in ("[^:]{0,8}", "[^:]{0,8}"),
        policies in proptest::collection::vec("\\PC{0,6}", 0..4),
    ) -> Grant {
        let policies: Vec<&str> = policies.iter().map(String::as_str).collect();
        granted(&path, &role, [&namespace, &name, &uid], &policies)
    }
}

/// What was said to the client, and whether as an error.
fn to_client(response: &CheckResponse) -> (&DeniedHttpResponse, bool) {
    match response.http_response.as_ref().expect("an answer") {
        HttpResponse::DeniedResponse(denied) => (denied, false),
        HttpResponse::ErrorResponse(denied) => (denied, true),
        HttpResponse::OkResponse(ok) => panic!("{ok:?}"),
    }
}

/// Names and values, each of which must replace what was there on every Envoy.
fn replaced(headers: &[HeaderValueOption]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for option in headers {
        #[expect(deprecated, reason = "old Envoys read it")]
        let append = option.append.map(|append| append.value);
        assert_eq!(append, Some(false), "{option:?}");
        assert_eq!(option.append_action(), HeaderAppendAction::OverwriteIfExistsOrAdd);
        assert!(!option.keep_empty_value);
        let header = option.header.clone().expect("a header");
        assert!(header.raw_value.is_empty(), "which Envoy does not read");
        assert!(found.insert(header.key, header.value).is_none(), "set twice: {option:?}");
    }
    found
}

fn metadata(response: &CheckResponse) -> BTreeMap<&str, &str> {
    let fields = &response.dynamic_metadata.as_ref().expect("metadata").fields;
    let text = |kind: &'_ Option<Kind>| matches!(kind, Some(Kind::StringValue(_) | Kind::BoolValue(true)));
    assert!(fields.values().all(|value| text(&value.kind)), "flat: {fields:?}");
    fields
        .iter()
        .filter_map(|(key, value)| match &value.kind {
            Some(Kind::StringValue(text)) => Some((key.as_str(), text.as_str())),
            Some(Kind::BoolValue(true)) => Some((key.as_str(), "true")),
            _ => None,
        })
        .collect()
}

/// The table of statuses and challenges: every reason in one row, no row without reasons of ours.
const TABLE: [(i32, &str, &[&str]); 5] = [
    (401, r#"Bearer realm="rolegate""#, &["no_token"]),
    (
        401,
        r#"Bearer realm="rolegate", error="invalid_token""#,
        &[
            "malformed_token",
            "ambiguous_token",
            "algorithm",
            "signature",
            "issuer",
            "audience",
            "not_yet_valid",
            "expired",
            "issued_in_the_future",
            "claims",
            "token_refused",
            "identity_mismatch",
            "audience_not_confirmed",
            "client_token",
        ],
    ),
    (
        403,
        r#"Bearer realm="rolegate", error="insufficient_scope""#,
        &[
            "no_role",
            "unknown_mount",
            "unknown_role",
            "not_configured",
            "ambiguous_path",
            "service_account_name",
            "namespace",
            "peer_address",
            "too_many_roles",
        ],
    ),
    (413, "", &["too_large"]),
    (
        503,
        "",
        &[
            "not_loaded",
            "api_server_unreachable",
            "api_server_error",
            "reviewer_refused",
            "overloaded",
            "deadline",
            "store_unavailable",
        ],
    ),
];

#[test]
fn every_denial_and_every_undecided_answer_is_as_the_table_says() {
    let mut seen = BTreeSet::new();
    for (undecided, reply) in STYLES.into_iter().flat_map(|style| denials().map(move |reply| (style, reply)))
    {
        let response = style(undecided).response(reply, ID);
        let metadata = metadata(&response);
        let reason = metadata["reason"].to_owned();
        let (status, challenge, _) =
            TABLE.iter().find(|(_, _, reasons)| reasons.contains(&reason.as_str())).expect("a row");

        let (answer, as_error) = to_client(&response);
        assert_eq!(answer.status.map(|status| status.code), Some(*status), "{reason}");
        let mut headers = replaced(&answer.headers);
        let (sentence, form) = match reply {
            Reply::Deny(deny, form) => (deny.sentence(), form),
            Reply::Undecided(undecided, form) => (undecided.sentence(), form),
            Reply::Allow(..) => panic!("not asked for"),
        };
        let content_type = headers.remove("content-type");
        match form {
            BodyForm::Json => {
                assert_eq!(content_type.as_deref(), Some("application/json"), "{reason}");
                let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
                assert_eq!(body, serde_json::json!({ "errors": [sentence] }), "{reason}");
            }
            BodyForm::Sentence => assert_eq!((content_type, &*answer.body), (None, sentence), "{reason}"),
        }
        assert_eq!(headers.remove("www-authenticate").unwrap_or_default(), *challenge, "{reason}");
        let retry_after = headers.remove("retry-after");
        assert_eq!(retry_after.is_some(), *status == 503, "{reason}");
        assert!(retry_after.is_none_or(|seconds| seconds.parse::<u32>().unwrap() > 0), "{reason}");
        assert_eq!(headers, BTreeMap::new(), "nothing else goes to the client: {reason}");

        // The cause decides, not the name: an API server that took the question and gave no answer opens nothing.
        let may_open = ["not_loaded", "reviewer_refused", "api_server_unreachable"]
            .contains(&reason.as_str())
            && !matches!(reply, Reply::Undecided(Undecided::ApiServerNoAnswer, _));
        let opens = may_open && matches!(undecided, UndecidedAnswer::ErrorResponse);
        assert_eq!(as_error, opens, "{reason}");
        seen.insert(reason);
    }
    let rows: BTreeSet<String> =
        TABLE.iter().flat_map(|row| row.2).map(|reason| (*reason).to_owned()).collect();
    assert_eq!(seen, rows);
}

#[test]
fn no_denial_and_nothing_undecided_leaves_as_an_allow() {
    for (undecided, reply) in STYLES.into_iter().flat_map(|style| denials().map(move |reply| (style, reply)))
    {
        let style = style(undecided);
        let template = Template::of(&style, reply).fill(ID.as_bytes().try_into().unwrap());
        for sent in
            [&style.response(reply, ID).encode_to_vec(), &template[5..], &frame(&style, reply, ID)[5..]]
        {
            let response = CheckResponse::decode(sent).unwrap();
            assert_ne!(response.status.as_ref().expect("a status").code, 0, "{reply:?}");
            assert!(!matches!(response.http_response, Some(HttpResponse::OkResponse(_)) | None), "{reply:?}");
            let outcome = metadata(&response)["outcome"].to_owned();
            assert_eq!(outcome, if matches!(reply, Reply::Deny(..)) { "deny" } else { "undecided" });
        }
    }
}

#[test]
fn the_metadata_of_what_is_not_allowed_holds_outcome_reason_and_decision_alone() {
    for reply in denials() {
        let response = style(UndecidedAnswer::ErrorResponse).response(reply, ID);
        let keys: Vec<&str> = metadata(&response).into_keys().collect();
        assert_eq!(keys, ["decision-id", "outcome", "reason"]);
        assert_eq!(metadata(&response)["decision-id"], ID);
    }
}

#[test]
fn reasons_stand_in_their_lists_where_their_number_says() {
    assert!(Deny::ALL.iter().enumerate().all(|(at, deny)| *deny as usize == at));
    assert!(Undecided::ALL.iter().enumerate().all(|(at, undecided)| *undecided as usize == at));
}

/// The one message of a frame.
fn unframed(sent: &[u8]) -> CheckResponse {
    let (header, message) = sent.split_at(5);
    assert_eq!(header[0], 0, "not compressed");
    assert_eq!(u32::from_be_bytes(header[1..].try_into().unwrap()) as usize, message.len());
    CheckResponse::decode(message).unwrap()
}

proptest! {
    #[test]
    fn a_filled_template_is_the_answer_with_the_id_in_all_its_places(
        grant in any_grant(),
        id in proptest::array::uniform32(proptest::sample::select(b"0123456789abcdef".to_vec())),
    ) {
        let id: DecisionId = id;
        let text = std::str::from_utf8(&id).unwrap();
        let removals = RemovalRules::new(&sources(&["authorization", "query?t"]), false).always();
        for undecided in STYLES {
            let style = style(undecided);
            for reply in denials().chain([Reply::Allow(&grant, &removals)]) {
                let expected = style.response(reply, text);
                prop_assert_eq!(&unframed(&Template::of(&style, reply).fill(&id)), &expected);
                prop_assert_eq!(&unframed(&frame(&style, reply, text)), &expected);
            }
        }
    }
}

#[test]
fn requests_of_grpc_get_the_sentence_and_all_others_json() {
    for (content_type, expected) in [
        ("application/grpc", BodyForm::Sentence),
        ("application/grpc+proto", BodyForm::Sentence),
        ("application/grpc-web", BodyForm::Json),
        ("application/grpc-web+proto", BodyForm::Json),
        ("application/json", BodyForm::Json),
        ("", BodyForm::Json),
    ] {
        let line = Sent::default().line("content-type", content_type);
        for sent in [line, Sent::default().joined("content-type", content_type)] {
            assert_eq!(BodyForm::for_request(sent.view()), expected, "{content_type}");
        }
    }
    assert_eq!(BodyForm::for_request(Sent::default().view()), BodyForm::Json);
}

#[test]
fn an_id_has_the_length_that_templates_leave_for_it() {
    assert_eq!(ID.len(), DECISION_ID_LEN);
}
