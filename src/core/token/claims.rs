//! The claims of a service-account token, legacy or projected.

use super::super::json::{Kind, Value};

/// What the payload says of the service account. Unverified.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct UnverifiedClaims {
    /// `iss`
    pub issuer: String,
    /// `aud`; a single text is a list of one.
    pub audiences: Vec<String>,
    /// `exp` in seconds since 1970; 0: missing.
    pub expires: i64,
    /// `nbf` in seconds since 1970; 0: missing.
    pub not_before: i64,
    /// `iat` in seconds since 1970; 0: missing.
    pub issued_at: i64,
    /// The service account's namespace; empty: missing.
    pub namespace: String,
    /// The service account's name; empty: missing.
    pub name: String,
    /// The service account's uid; empty: missing.
    pub uid: String,
    /// The uid of the pod that a projected token is bound to; empty: to none.
    pub pod_uid: String,
    /// The secret of a legacy token; empty for a projected one.
    pub secret_name: String,
    /// A claim has the wrong type, or a key differs from a known one only by case.
    pub faulty: bool,
}

const LEGACY_NAMESPACE: &str = "kubernetes.io/serviceaccount/namespace";
const LEGACY_SECRET: &str = "kubernetes.io/serviceaccount/secret.name";
const LEGACY_NAME: &str = "kubernetes.io/serviceaccount/service-account.name";
const LEGACY_UID: &str = "kubernetes.io/serviceaccount/service-account.uid";
const TOP: [&str; 10] = [
    "iss",
    "aud",
    "exp",
    "nbf",
    "iat",
    "kubernetes.io",
    LEGACY_NAMESPACE,
    LEGACY_SECRET,
    LEGACY_NAME,
    LEGACY_UID,
];

impl UnverifiedClaims {
    /// Reads a checked payload; whatever is wrong with it is noted as `faulty`.
    pub(super) fn read(payload: Value<'_>) -> Self {
        let mut claims = Self::default();
        let mut projected = Projected::default();
        let mut fine = true;
        for (key, value) in payload.members() {
            fine &= match &*key {
                "iss" => text(value, &mut claims.issuer),
                "aud" => audiences(value, &mut claims.audiences),
                "exp" => seconds(value, &mut claims.expires),
                "nbf" => seconds(value, &mut claims.not_before),
                "iat" => seconds(value, &mut claims.issued_at),
                "kubernetes.io" => projected.read(value),
                LEGACY_NAMESPACE => text(value, &mut claims.namespace),
                LEGACY_SECRET => text(value, &mut claims.secret_name),
                LEGACY_NAME => text(value, &mut claims.name),
                LEGACY_UID => text(value, &mut claims.uid),
                other => !differs_by_case(other, &TOP),
            };
        }
        claims.faulty = !fine;
        // As the reference: the namespace is the projected one as soon as `kubernetes.io` is there, even if empty.
        if let Some(namespace) = projected.namespace {
            claims.namespace = namespace;
        }
        if let Some((name, uid)) = projected.account {
            (claims.name, claims.uid) = (name, uid);
        }
        if let Some((_, uid)) = projected.pod {
            claims.pod_uid = uid;
        }
        claims
    }
}

/// What `kubernetes.io` holds.
#[derive(Default)]
struct Projected {
    namespace: Option<String>,
    account: Option<(String, String)>,
    pod: Option<(String, String)>,
}

impl Projected {
    fn read(&mut self, value: Value<'_>) -> bool {
        if value.kind == Kind::Null {
            return true;
        }
        let (mut namespace, mut fine) = (String::new(), value.kind == Kind::Object);
        for (key, value) in value.members() {
            fine &= match &*key {
                "namespace" => text(value, &mut namespace),
                "serviceaccount" => named(value, &mut self.account),
                "pod" => named(value, &mut self.pod),
                other => !differs_by_case(other, &["namespace", "serviceaccount", "pod"]),
            };
        }
        self.namespace = Some(namespace);
        fine
    }
}

/// `{name, uid}`, or null.
fn named(value: Value<'_>, into: &mut Option<(String, String)>) -> bool {
    if value.kind == Kind::Null {
        return true;
    }
    let (mut name, mut uid, mut fine) = (String::new(), String::new(), value.kind == Kind::Object);
    for (key, value) in value.members() {
        fine &= match &*key {
            "name" => text(value, &mut name),
            "uid" => text(value, &mut uid),
            other => !differs_by_case(other, &["name", "uid"]),
        };
    }
    *into = Some((name, uid));
    fine
}

fn text(value: Value<'_>, into: &mut String) -> bool {
    if let Some(text) = value.as_text() {
        *into = text.into_owned();
        return true;
    }
    value.kind == Kind::Null
}

/// Seconds since 1970, cut to whole ones; null is missing.
fn seconds(value: Value<'_>, into: &mut i64) -> bool {
    *into = value.as_integer().unwrap_or_default();
    matches!(value.kind, Kind::Number | Kind::Null)
}

fn audiences(value: Value<'_>, into: &mut Vec<String>) -> bool {
    match value.kind {
        Kind::Text => into.extend(value.as_text().map(std::borrow::Cow::into_owned)),
        Kind::Array => {
            for item in value.items() {
                let Some(audience) = item.as_text() else { return false };
                into.push(audience.into_owned());
            }
        }
        Kind::Null | Kind::Bool | Kind::Number | Kind::Object => return false,
    }
    true
}

/// Whether Go's decoders would take the key for a known one: they fold the long s and the Kelvin sign, too.
fn differs_by_case(key: &str, known: &[&str]) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    if key.is_ascii() {
        return known.iter().any(|name| name.eq_ignore_ascii_case(key));
    }
    known.iter().any(|name| name.chars().map(fold).eq(key.chars().map(fold)))
}

#[cfg(test)]
mod tests {
    use super::super::super::json::Document;
    use super::UnverifiedClaims;

    fn read(payload: &str) -> UnverifiedClaims {
        UnverifiedClaims::read(Document::parse(payload.as_bytes()).unwrap().value())
    }

    #[test]
    fn a_projected_token_names_its_account() {
        let claims = read(
            r#"{"aud":["a","b"],"exp":9.9,"iss":"i","kubernetes.io":{"namespace":"shop","node":{"name":1},
            "pod":{"name":"p","uid":"q"},"serviceaccount":{"name":"orders","uid":"u"},"warnafter":3}}"#,
        );
        assert_eq!(
            (claims.namespace.as_str(), claims.name.as_str(), claims.uid.as_str()),
            ("shop", "orders", "u")
        );
        assert_eq!(claims.pod_uid, "q");
        assert_eq!((claims.expires, claims.audiences), (9, vec!["a".to_owned(), "b".to_owned()]));
        assert!(!claims.faulty);
    }

    #[test]
    fn the_projected_part_goes_before_the_legacy_one_as_far_as_it_goes() {
        let legacy = r#""kubernetes.io/serviceaccount/namespace":"old","kubernetes.io/serviceaccount/service-account.name":"n","kubernetes.io/serviceaccount/service-account.uid":"u""#;
        let cases = [
            ("null", ("old", "n", "u")),
            ("{}", ("", "n", "u")),
            (r#"{"namespace":"new"}"#, ("new", "n", "u")),
            (r#"{"namespace":null,"serviceaccount":null}"#, ("", "n", "u")),
            (r#"{"namespace":"new","serviceaccount":{}}"#, ("new", "", "")),
            (r#"{"serviceaccount":{"name":"m"}}"#, ("", "m", "")),
        ];
        for (projected, expected) in cases {
            let claims = read(&format!(r#"{{{legacy},"kubernetes.io":{projected}}}"#));
            assert_eq!(
                (claims.namespace.as_str(), claims.name.as_str(), claims.uid.as_str()),
                expected,
                "{projected}"
            );
            assert!(!claims.faulty, "{projected}");
        }
    }

    #[test]
    fn wrong_types_and_keys_in_another_case_are_faults() {
        for payload in [
            r#"{"aud":null}"#,
            r#"{"aud":1}"#,
            r#"{"aud":["a",1]}"#,
            r#"{"aud":{}}"#,
            r#"{"exp":"1"}"#,
            r#"{"nbf":true}"#,
            r#"{"iss":1}"#,
            r#"{"EXP":1}"#,
            r#"{"Aud":"a"}"#,
            r#"{"Kubernetes.IO":{}}"#,
            r#"{"i\u017fs":"x"}"#,
            r#"{"\u212aubernetes.io":{}}"#,
            r#"{"kubernetes.io":"x"}"#,
            r#"{"kubernetes.io":{"pod":1}}"#,
            r#"{"kubernetes.io":{"Namespace":"x"}}"#,
            r#"{"kubernetes.io":{"serviceaccount":{"UID":"x"}}}"#,
            r#"{"kubernetes.io/serviceaccount/service-account.uid":{}}"#,
        ] {
            assert!(read(payload).faulty, "{payload}");
        }
        assert!(!read(r#"{"sub":1,"aud":"a","other":{"EXP":1}}"#).faulty);
        assert!(!read("null").faulty);
    }
}
