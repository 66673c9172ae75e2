//! `Authorization` and its like: whether a value holds credentials of other schemes alone (RFC 9110 section 11.4).

/// What follows a scheme, which is compared without case (RFC 9110 section 11.1).
pub(super) fn after_scheme<'a>(line: &'a [u8], scheme: &str) -> Option<&'a [u8]> {
    let line = line.trim_ascii();
    let (named, rest) = line.split_at_checked(scheme.len())?;
    if !named.eq_ignore_ascii_case(scheme.as_bytes()) {
        return None;
    }
    match rest.first() {
        None => Some(rest),
        Some(b' ' | b'\t') => Some(rest.trim_ascii()),
        Some(_) => None,
    }
}

/// Whether a value is one credential, or several that a proxy has joined by commas, and none is of these schemes: each is
/// a scheme, blanks, and a `token68` or parameters. Everything else could be taken for a token somewhere, a word that
/// stands alone included: a token without its scheme looks like one.
pub(super) fn is_of_other_schemes<S: AsRef<str>>(value: &[u8], schemes: &[S]) -> bool {
    let ours = |part: &[u8]| schemes.iter().any(|scheme| after_scheme(part, scheme.as_ref()).is_some());
    // The usual request's token, before its bytes are looked through.
    if ours(value) {
        return false;
    }
    // Whoever does not know of quotes reads what stands between any two commas.
    if value.split(|byte| *byte == b',').any(ours) {
        return false;
    }
    let mut rest = value;
    let mut begun = false;
    loop {
        let (element, behind) = first_element(rest);
        let element = element.trim_ascii();
        // A list may have empty elements (RFC 9110 section 5.6.1).
        let fits = element.is_empty() || is_credential(element) || (begun && is_parameter(element));
        if !fits {
            return false;
        }
        begun |= !element.is_empty();
        match behind {
            Some(behind) => rest = behind,
            None => return begun,
        }
    }
}

/// What stands before the first comma that is not quoted, and what stands behind it.
fn first_element(list: &[u8]) -> (&[u8], Option<&[u8]>) {
    let (mut quoted, mut escaped) = (false, false);
    let end = list.iter().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' => return !quoted,
            _ => {}
        }
        false
    });
    match end.and_then(|end| list.split_at_checked(end)) {
        Some((element, behind)) => (element, behind.get(1..)),
        None => (list, None),
    }
}

/// A scheme, at least one blank, and a `token68` or one parameter.
fn is_credential(element: &[u8]) -> bool {
    let Some(end) = element.iter().position(|byte| *byte == b' ') else { return false };
    let (scheme, rest) = element.split_at_checked(end).unwrap_or_default();
    let rest = rest.trim_ascii();
    is_token(scheme) && (is_token68(rest) || is_parameter(rest))
}

/// `name = value`, the value quoted, or visible without quotes and commas: not only a word, as AWS signs requests.
fn is_parameter(element: &[u8]) -> bool {
    let Some(end) = element.iter().position(|byte| *byte == b'=') else { return false };
    let (name, value) = element.split_at_checked(end).unwrap_or_default();
    let value = value.get(1..).unwrap_or_default().trim_ascii();
    let is_plain = !value.is_empty() && value.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'"');
    is_token(name.trim_ascii()) && (is_plain || is_quoted(value))
}

fn is_quoted(value: &[u8]) -> bool {
    let Some(inner) = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")) else {
        return false;
    };
    let mut escaped = false;
    let ends_inside = inner.iter().any(|byte| {
        let is_end = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        is_end
    });
    !ends_inside && !escaped
}

fn is_token68(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |at| at.saturating_add(1));
    let letters = text.get(..end).unwrap_or_default();
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    !letters.is_empty() && letters.iter().all(is_letter)
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::is_of_other_schemes;

    #[test]
    fn a_credential_of_another_scheme_is_told_from_all_that_could_be_a_token() {
        for value in [
            "Basic dXNlcjpwYXNz",
            "basic dXNlcjpwYXNzdw==",
            "  Basic   dXNlcjpwYXNz ",
            "Negotiate YII=",
            "Token abc.def-ghi",
            r#"Digest username="Mufasa", realm="a, b", nc=00000001, uri = "/x""#,
            r#"Digest username="a\"b", realm=x"#,
            "AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/iam/aws4_request, SignedHeaders=host;x-amz-date, Signature=5d",
            "Basic a,Basic b",
            "Basic a, Digest x=1, y=2",
            "Bearerer abc",
            "Bear abc",
            "Basic a,",
        ] {
            assert!(is_of_other_schemes(value.as_bytes(), &["Bearer"]), "{value}");
        }
        for value in [
            "Bearer abc",
            "bearer abc",
            "Bearer",
            "Bearer\tabc",
            " BEARER abc",
            "Basic a, Bearer b",
            "Basic a,bearer",
            "Bearer a, Basic b",
            r#"Digest x="a, Bearer b""#,
            "Basic",
            "abc",
            "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
            "hvs.abc",
            "Basic a b",
            "Basic a, b",
            "Basic\tabc",
            "Basic é",
            "Digest x=\"a",
            "Digest x=\"a\"b\"",
            "x=1",
            "",
            " ",
            ",",
        ] {
            assert!(!is_of_other_schemes(value.as_bytes(), &["Bearer"]), "{value}");
        }
        assert!(!is_of_other_schemes(b"Token a", &["Bearer", "token"]));
        assert!(!is_of_other_schemes(b"Basic \xff", &["Bearer"]));
    }
}
