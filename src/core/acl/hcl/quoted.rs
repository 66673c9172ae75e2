//! Texts in quotes and texts over lines.

use std::borrow::Cow;

use super::Syntax;

/// A text that begins with its quote: what it says, and what follows it.
pub(super) fn quoted(text: &str) -> Result<(Cow<'_, str>, &str), Syntax> {
    let inner = text.strip_prefix('"').unwrap_or(text);
    // The usual text has nothing in it that needs a second look.
    let plain = inner.find(['"', '\\', '\n', '$', '\0']).unwrap_or(inner.len());
    let (head, tail) = inner.split_at(plain);
    match tail.strip_prefix('"') {
        Some(rest) => Ok((Cow::Borrowed(head), rest)),
        None => escaped(head, tail).map(|(text, rest)| (Cow::Owned(text), rest)),
    }
}

fn escaped<'a>(head: &str, tail: &'a str) -> Result<(String, &'a str), Syntax> {
    let mut text = head.to_owned();
    let mut rest = tail;
    // How deep it is inside of `${ … }`, where quotes and line ends are text.
    let mut braces: usize = 0;
    loop {
        let mut chars = rest.chars();
        let c = chars.next().ok_or(Syntax::Literal)?;
        rest = chars.as_str();
        match c {
            '\0' => return Err(Syntax::Character),
            '"' if braces == 0 => return Ok((text, rest)),
            '\n' if braces == 0 => return Err(Syntax::Literal),
            '\\' if braces == 0 => {
                let (escaped, after) = escape(rest)?;
                text.push(escaped);
                rest = after;
                continue;
            }
            '$' if braces == 0 && rest.starts_with('{') => {
                text.push_str("${");
                rest = rest.strip_prefix('{').unwrap_or(rest);
                braces = 1;
                continue;
            }
            '{' if braces > 0 => braces = braces.saturating_add(1),
            '}' => braces = braces.saturating_sub(1),
            _ => {}
        }
        text.push(c);
    }
}

/// What follows a backslash.
fn escape(text: &str) -> Result<(char, &str), Syntax> {
    let mut chars = text.chars();
    let (radix, digits, from) = match chars.next().ok_or(Syntax::Literal)? {
        'a' => return Ok(('\u{7}', chars.as_str())),
        'b' => return Ok(('\u{8}', chars.as_str())),
        'f' => return Ok(('\u{c}', chars.as_str())),
        'n' => return Ok(('\n', chars.as_str())),
        'r' => return Ok(('\r', chars.as_str())),
        't' => return Ok(('\t', chars.as_str())),
        'v' => return Ok(('\u{b}', chars.as_str())),
        c @ ('\\' | '"') => return Ok((c, chars.as_str())),
        '0'..='7' => (8, 3, text),
        'x' => (16, 2, chars.as_str()),
        'u' => (16, 4, chars.as_str()),
        'U' => (16, 8, chars.as_str()),
        _ => return Err(Syntax::Escape),
    };
    let (number, rest) = from.split_at_checked(digits).ok_or(Syntax::Escape)?;
    if !number.bytes().all(|byte| char::from(byte).is_digit(radix)) {
        return Err(Syntax::Escape);
    }
    let code = u32::from_str_radix(number, radix).map_err(|_| Syntax::Escape)?;
    // Two and three digits name bytes; beyond ASCII they would be parts of characters.
    let limit = if digits < 4 { 0x80 } else { u32::MAX };
    Some(code).filter(|code| *code < limit).and_then(char::from_u32).map(|c| (c, rest)).ok_or(Syntax::Escape)
}

/// A text that begins with `<<`: what it says, and what follows its last line.
pub(super) fn heredoc(text: &str) -> Result<(String, &str), Syntax> {
    let opened = text.strip_prefix("<<").ok_or(Syntax::Heredoc)?;
    let (first, body) = opened.split_once('\n').ok_or(Syntax::Heredoc)?;
    let first = first.strip_suffix('\r').unwrap_or(first);
    let (indented, anchor) = match first.strip_prefix('-') {
        Some(anchor) => (true, anchor),
        None => (false, first),
    };
    if anchor.is_empty() || !anchor.chars().all(|c| c == '_' || c.is_alphanumeric()) {
        return Err(Syntax::Anchor);
    }
    let mut lines = Vec::new();
    let mut rest = body;
    loop {
        if rest.is_empty() {
            return Err(Syntax::Heredoc);
        }
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        if line.trim_start().trim_end_matches('\r') == anchor {
            let margin = line.trim_end_matches('\r').strip_suffix(anchor).unwrap_or_default();
            return Ok((joined(&lines, if indented { margin } else { "" }), rest));
        }
        lines.push(line);
    }
}

/// The lines, without the margin where all of them have it.
fn joined(lines: &[&str], margin: &str) -> String {
    let cut = lines.iter().all(|line| line.starts_with(margin));
    let mut text = String::new();
    for line in lines {
        text.push_str(if cut { line.strip_prefix(margin).unwrap_or(line) } else { line });
        text.push('\n');
    }
    text
}
