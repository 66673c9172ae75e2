//! What an allowed request is given and what it loses, for any grant and any request.

use std::collections::BTreeSet;

use envoy_types::pb::envoy::service::auth::v3::OkHttpResponse;
use proptest::collection::vec;
use proptest::sample::select;

use super::*;

const PREFIX: &str = "x-rolegate-";

fn ok(response: &CheckResponse) -> &OkHttpResponse {
    match response.http_response.as_ref().expect("an answer") {
        HttpResponse::OkResponse(ok) => ok,
        other => panic!("{other:?}"),
    }
}

/// As an upstream may read a header's name.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

fn any_request() -> impl Strategy<Value = Sent> {
    let names = vec![
        "x-rolegate-role",
        "X-Rolegate-Role",
        "x_rolegate_uid",
        "X_ROLEGATE-Policies",
        "x-rolegate-service_account",
        "x.rolegate.role",
        "X-Rolegate.Uid",
        "x~rolegate-role",
        "x_vault.token",
        "x-rolegate-admin",
        "x-rolegate-",
        "x-rolegate",
        "x-rolegated",
        "authorization",
        "x-vault-token",
        "cookie",
        "accept",
    ];
    let values = vec![
        "",
        "a",
        "t=x",
        "t=",
        "a=1; t=x; b=2",
        "a=1,t=x",
        "Basic YQ==",
        "Bearer x",
        "Basic a, Bearer x",
        "[------ the decision's id -----]",
    ];
    vec((select(names), select(values), any::<bool>()), 0..8).prop_map(|headers| {
        headers.into_iter().fold(Sent::default(), |sent, (name, value, raw)| {
            if raw { sent.line(name, value) } else { sent.joined(name, value) }
        })
    })
}

proptest! {
    #[test]
    fn an_allow_has_code_0_and_sets_or_removes_every_identity_header(
        grant in any_grant(),
        request in any_request(),
        keep_token in any::<bool>(),
        cookie in any::<bool>(),
    ) {
        let style = style(UndecidedAnswer::ErrorResponse);
        let place = if cookie { "cookie=t" } else { "query?t" };
        let rules = RemovalRules::new(&sources(&["authorization:Bearer", "x-vault-token", place]), keep_token);
        let always = rules.always();
        let own = rules.of_request(request.view(), &style.headers).unwrap();
        let removals = own.as_ref().unwrap_or(&always);
        let response = style.response(Reply::Allow(&grant, removals), ID);

        prop_assert_eq!(response.status.as_ref().map(|status| status.code), Some(0));
        let ok = ok(&response);
        let set = replaced(&ok.headers);
        let removed: BTreeSet<&str> = ok.headers_to_remove.iter().map(String::as_str).collect();
        prop_assert!(ok.response_headers_to_add.is_empty(), "nothing goes to the client");
        prop_assert!(ok.query_parameters_to_set.is_empty());

        let lower = |names: &mut dyn Iterator<Item = &str>| -> BTreeSet<String> {
            names.map(str::to_ascii_lowercase).collect()
        };
        let both = lower(&mut set.keys().map(String::as_str));
        prop_assert!(both.is_disjoint(&lower(&mut removed.iter().copied())), "{set:?} {removed:?}");
        for key in ["role", "mount", "namespace", "service-account", "uid", "policies", "decision-id"] {
            let name = format!("{PREFIX}{key}");
            prop_assert!(set.contains_key(&name) != removed.contains(name.as_str()), "{name}");
        }
        let basic = request.view().header("authorization").all(|value| value == b"Basic YQ==")
            && request.view().header("authorization").next().is_some();
        for (name, value) in set.iter().filter(|(name, _)| *name != "cookie") {
            prop_assert!(name.starts_with(PREFIX), "{name}");
            prop_assert!(!value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic()), "{value}");
        }

        let sent = request.view().headers().map(|(name, _)| std::str::from_utf8(name).unwrap());
        for name in sent.filter(|name| *name != "cookie") {
            let lower = name.to_ascii_lowercase();
            let token = ["authorization", "x-vault-token"].contains(&&*folded(name))
                && !(name == "authorization" && basic);
            let meant = folded(name).starts_with(PREFIX) || (token && !keep_token);
            prop_assert_eq!(removed.contains(lower.as_str()) || set.contains_key(&lower), meant, "{}", name);
        }
        for name in ["authorization", "x-vault-token"] {
            let stays = keep_token || (name == "authorization" && basic);
            prop_assert_eq!(removed.contains(name), !stays, "present or not: {}", name);
        }
        let cookies = set.get("cookie").map(String::as_str).unwrap_or_default();
        prop_assert!(!cookies.split([';', ',']).any(|pair| pair.trim().starts_with("t=")), "{cookies}");
        let holds = |value: &[u8]| value.windows(2).any(|two| two == b"t=");
        let changed = set.contains_key("cookie") || removed.contains("cookie");
        prop_assert_eq!(changed, cookie && !keep_token && request.view().header("cookie").any(holds));
        prop_assert!(ok.query_parameters_to_remove.is_empty(), "Envoy would write the query anew");
    }
}

#[test]
fn an_allow_tells_the_upstream_and_the_metadata_who_it_is() {
    let grant = granted("clusters/eu1", "orders", ["shop", "orders-api", "u-1"], &["b", "a"]);
    let response =
        style(UndecidedAnswer::ErrorResponse).response(Reply::Allow(&grant, &Removals::default()), ID);
    let expected = [
        ("decision-id", ID),
        ("mount", "clusters/eu1"),
        ("namespace", "shop"),
        ("policies", "a,b"),
        ("role", "orders"),
        ("service-account", "orders-api"),
        ("uid", "u-1"),
    ];
    let headers = replaced(&ok(&response).headers);
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.strip_prefix(PREFIX).unwrap(), value.as_str())).collect();
    assert_eq!(headers, expected);
    let mut fields = metadata(&response);
    assert_eq!((fields.remove("outcome"), fields.remove("reason")), (Some("allow"), Some("allowed")));
    assert_eq!(fields.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn values_are_visible_ascii_with_everything_else_percent_encoded() {
    for (policies, expected) in [
        (&["a", "b"][..], Some("a,b")),
        (&["a,b", "c"], Some("a%2Cb,c")),
        (&["a b"], Some("a%20b")),
        (&["50%"], Some("50%25")),
        (&["%2c"], Some("%252c")),
        (&["ä"], Some("%C3%A4")),
        (&["a\u{7f}\u{1}b"], Some("a%7F%01b")),
        (&["a\r\nx-admin: 1"], Some("a%0D%0Ax-admin:%201")),
        (&["a/b+c;\"d\""], Some("a/b+c;\"d\"")),
        (&[], None),
        (&["", " "], None),
    ] {
        let grant = granted("kubernetes", "orders", ["shop", "orders", "u-1"], policies);
        let response =
            style(UndecidedAnswer::ErrorResponse).response(Reply::Allow(&grant, &Removals::default()), ID);
        let headers = replaced(&ok(&response).headers);
        assert_eq!(headers.get("x-rolegate-policies").map(String::as_str), expected, "{policies:?}");
        let removed = ok(&response).headers_to_remove.contains(&"x-rolegate-policies".to_owned());
        assert_eq!(removed, expected.is_none(), "{policies:?}");
    }
}

#[test]
fn the_names_follow_the_prefix() {
    let style =
        AnswerStyle { headers: IdentityHeaders::new("x-who-"), undecided: UndecidedAnswer::ErrorResponse };
    let grant = granted("kubernetes", "orders", ["shop", "orders", ""], &[]);
    let sent = Sent::default().line("X_Who-Role", "a").line("x-rolegate-role", "b");
    let removals = RemovalRules::new(&[], false).of_request(sent.view(), &style.headers).unwrap().unwrap();
    let response = style.response(Reply::Allow(&grant, &removals), ID);
    let set: Vec<String> = replaced(&ok(&response).headers).into_keys().collect();
    assert_eq!(
        set,
        ["x-who-decision-id", "x-who-mount", "x-who-namespace", "x-who-role", "x-who-service-account"]
    );
    assert_eq!(ok(&response).headers_to_remove, ["x-who-uid", "x-who-policies", "x_who-role"]);
}

#[test]
fn a_list_of_policies_that_is_too_long_for_a_header_is_left_out_and_the_metadata_says_so() {
    for (length, expected) in
        [(super::super::MAX_POLICIES_BYTES, false), (super::super::MAX_POLICIES_BYTES + 1, true)]
    {
        // Two names and a comma.
        let (first, second) = ("a".repeat(10), "b".repeat(length - 11));
        let grant = granted("kubernetes", "orders", ["shop", "orders", "u-1"], &[&first, &second]);
        let response =
            style(UndecidedAnswer::ErrorResponse).response(Reply::Allow(&grant, &Removals::default()), ID);
        let headers = replaced(&ok(&response).headers);
        assert_eq!(headers.contains_key("x-rolegate-policies"), !expected, "{length}");
        let removed = ok(&response).headers_to_remove.contains(&"x-rolegate-policies".to_owned());
        assert_eq!(removed, expected, "{length}");
        let fields = &response.dynamic_metadata.as_ref().unwrap().fields;
        let omitted = fields.get("policies_omitted").map(|value| value.kind.clone());
        assert_eq!(omitted, expected.then_some(Some(Kind::BoolValue(true))), "{length}");
        assert_eq!(metadata(&response)["policies"].is_empty(), expected, "{length}");
    }
}
