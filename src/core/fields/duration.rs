//! Durations as the reference's fields take them: seconds, days, or Go's notation.

const SECOND: i64 = 1_000_000_000;

/// Whole seconds, not negative; what is below a second is cut off.
pub(super) fn seconds(text: &str) -> Result<i64, String> {
    not_negative(parse(text)? / SECOND)
}

/// Whole seconds, negative where the duration is; a begun one counts as a whole, so that nothing short becomes nothing.
///
/// # Errors
/// Where the text is no duration, or too long a one.
pub fn begun_seconds(text: &str) -> Result<i64, String> {
    let parsed = parse(text)?;
    Ok(parsed / SECOND + (parsed % SECOND).signum())
}

pub(super) fn not_negative(seconds: i64) -> Result<i64, String> {
    if seconds < 0 {
        return Err(format!("cannot provide negative value '{seconds}'"));
    }
    Ok(seconds)
}

/// Nanoseconds.
fn parse(text: &str) -> Result<i64, String> {
    if text.is_empty() {
        return Ok(0);
    }
    if let Ok(number) = text.parse() {
        return bounded(number, 1, text);
    }
    match text.strip_suffix('d') {
        Some(days) => match days.parse() {
            Ok(number) => bounded(number, 24 * 3600, text),
            Err(_) => Err(format!("strconv.ParseInt: parsing {days:?}: invalid syntax")),
        },
        None => go_duration(text),
    }
}

/// A number of units of so many seconds, where Go's 64-bit nanoseconds can hold it.
fn bounded(number: i64, unit: i64, text: &str) -> Result<i64, String> {
    number
        .checked_mul(unit)
        .and_then(|seconds| seconds.checked_mul(SECOND))
        .ok_or_else(|| format!("duration {text} overflows"))
}

/// Go's `time.ParseDuration`.
fn go_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        total += nanoseconds(unit, whole, fraction, text)?.ok_or_else(invalid)?;
        if total > i128::from(i64::MAX) {
            return Err(invalid());
        }
        rest = after;
    }
    let nanoseconds = i64::try_from(total).map_err(|_| invalid())?;
    Ok(if negative { -nanoseconds } else { nanoseconds })
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// One part such as `1.5h`; none where it is too long.
fn nanoseconds(unit: &str, whole: &str, fraction: &str, text: &str) -> Result<Option<i128>, String> {
    let second = i128::from(SECOND);
    let scale: i128 = match unit {
        "" => return Err(format!("time: missing unit in duration {text:?}")),
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => second,
        "m" => 60 * second,
        "h" => 3600 * second,
        _ => return Err(format!("time: unknown unit {unit:?} in duration {text:?}")),
    };
    let number = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<i64>().ok() };
    // Digits of the fraction beyond the eighteenth are below a nanosecond for every unit.
    let fraction: String = fraction.chars().take(18).collect();
    let divisor = 10_i128.pow(u32::try_from(fraction.len()).unwrap_or_default());
    Ok(number(whole)
        .zip(number(&fraction))
        .map(|(whole, part)| i128::from(whole) * scale + i128::from(part) * scale / divisor))
}
