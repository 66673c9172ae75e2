//! What may stand for a value that is another one each time.

use serde_json::Value;

use super::world::World;

/// How far a moment may be from now.
const AN_HOUR: i64 = 3600;

/// How many seconds a time to live may have counted down.
const COUNTED_DOWN: i64 = 8;

/// Whether `got` is what the placeholder stands for; nothing where `want` is no placeholder.
pub(crate) fn stands_for(want: &str, got: &Value, world: &World<'_>) -> Option<bool> {
    let inner = want.strip_prefix('<')?.strip_suffix('>')?;
    let text = got.as_str();
    Some(match inner {
        "any" | "optional" => true,
        "string" => got.is_string(),
        "int" => got.is_i64() || got.is_u64(),
        "unix-time" => got.as_i64().is_some_and(|at| (at - world.started()).abs() < AN_HOUR),
        "uuid" => text.is_some_and(is_uuid),
        "service-token" => text.is_some_and(|text| is_token(text, ["hvs.", "s."])),
        "batch-token" => text.is_some_and(|text| is_token(text, ["hvb.", "b."])),
        "accessor" => text.is_some_and(|text| is_name(text, 16)),
        "mount-accessor" => text.is_some_and(|text| is_name(text, 6)),
        "time" => text.is_some_and(is_time),
        "version" => text.is_some_and(is_version),
        "mount-type" => text == Some(&world.mount_type),
        _ => match inner.split_once(':')? {
            ("starts", start) => text.is_some_and(|text| text.starts_with(start)),
            ("about", number) => {
                let most: i64 = number.parse().ok()?;
                got.as_i64().is_some_and(|got| (most - COUNTED_DOWN..=most).contains(&got))
            }
            _ => return None,
        },
    })
}

/// Whether this warning comes of seconds alone that have passed since the login: a renewal for as long as the token could
/// last at first is told so as soon as the clock shows another second, which it did not where that was recorded.
pub(crate) fn tells_that_seconds_passed(warning: &Value) -> bool {
    let quoted: Vec<&str> = warning.as_str().unwrap_or_default().split('"').collect();
    let [
        "TTL of ",
        asked,
        " exceeded the effective max_ttl of ",
        longest,
        "; TTL value is capped accordingly",
    ] = quoted[..]
    else {
        return false;
    };
    let seconds = |text| humantime::parse_duration(text).ok().map(|duration| duration.as_secs());
    let passed = seconds(asked).zip(seconds(longest)).and_then(|(asked, longest)| asked.checked_sub(longest));
    passed.is_some_and(|passed| (1..=COUNTED_DOWN.unsigned_abs()).contains(&passed))
}

/// The digits of a form are `0`, its hexadecimal digits `x`; all else stands for itself.
fn has_form(text: &str, form: &str) -> bool {
    let fits = |(byte, form): (u8, u8)| match form {
        b'0' => byte.is_ascii_digit(),
        b'x' => byte.is_ascii_hexdigit(),
        other => byte == other,
    };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
}

fn is_uuid(text: &str) -> bool {
    has_form(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
}

fn is_token(text: &str, prefixes: [&str; 2]) -> bool {
    let body = prefixes.into_iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or_default();
    let (body, namespace) = body.split_once('.').unwrap_or((body, "root"));
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    body.len() >= 20 && letters(body) && !namespace.is_empty() && letters(namespace)
}

fn is_name(text: &str, least: usize) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    text.len() >= least && text.bytes().all(fits)
}

/// RFC 3339, with or without a fraction.
fn is_time(text: &str) -> bool {
    let Some((moment, zone)) = text.split_at_checked("0000-00-00T00:00:00".len()) else { return false };
    let fraction = zone.strip_prefix('.');
    let digits = fraction.map_or(0, |fraction| fraction.bytes().take_while(u8::is_ascii_digit).count());
    let zone = fraction.map_or(zone, |fraction| &fraction[digits..]);
    let zoned = zone == "Z" || has_form(zone, "+00:00") || has_form(zone, "-00:00");
    has_form(moment, "0000-00-00T00:00:00") && (fraction.is_none() || digits > 0) && zoned
}

fn is_version(text: &str) -> bool {
    let mut numbers = text.strip_prefix('v').unwrap_or(text).splitn(3, '.');
    let mut number = || numbers.next().filter(|part| part.starts_with(|c: char| c.is_ascii_digit()));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    number().is_some_and(plain) && number().is_some_and(plain) && number().is_some()
}

#[test]
fn a_shape_is_told_from_what_only_looks_like_it() {
    for (is, good, bad) in [
        (
            is_uuid as fn(&str) -> bool,
            "0a1b2c3d-0000-4000-8000-0123456789aF",
            "0a1b2c3d-0000-4000-8000-0123456789ag",
        ),
        (is_time, "2026-08-01T10:00:00Z", "2026-08-01 10:00:00Z"),
        (is_time, "2026-08-01T10:00:00.123456789+02:00", "2026-08-01T10:00:00.Z"),
        (is_version, "1.2.3+dev", "1.2"),
        (is_version, "v2.6.0", "2.x.0"),
    ] {
        assert!(is(good), "{good}");
        assert!(!is(bad), "{bad}");
    }
    assert!(is_token("hvs.0123456789abcdefghij", ["hvs.", "s."]));
    assert!(is_token("s.0123456789abcdefghij.a1", ["hvs.", "s."]));
    for other in
        ["hvb.0123456789abcdefghij", "hvs.short", "s.0123456789abcdefgh!j", "s.0123456789abcdefghij."]
    {
        assert!(!is_token(other, ["hvs.", "s."]), "{other}");
    }
}

#[test]
fn a_warning_of_seconds_that_passed_is_told_from_one_of_the_request() {
    let warning = |asked: &str, longest: &str| {
        let text = format!(
            r#"TTL of "{asked}" exceeded the effective max_ttl of "{longest}"; TTL value is capped accordingly"#
        );
        tells_that_seconds_passed(&Value::String(text))
    };
    assert!(warning("768h", "767h59m59s") && warning("1h", "59m52s"));
    assert!(!warning("768h", "767h59m51s") && !warning("20m", "13m20s") && !warning("1h", "1h"));
    assert!(!tells_that_seconds_passed(&Value::String("Endpoint ignored these parameters".into())));
}
