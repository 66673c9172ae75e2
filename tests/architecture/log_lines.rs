//! Whether every line of the log has a message.

/// The arguments of log macros that have no text of their own among them: `tracing::warn!(subject, SENTENCE)` logs two fields
/// and no message.
pub(crate) fn without_message(source: &str) -> Vec<&str> {
    let macros = ["trace", "debug", "info", "warn", "error"];
    let calls = source.match_indices("tracing::").filter_map(|(at, _)| {
        let rest = source.get(at..)?.strip_prefix("tracing::")?;
        let call = macros.iter().find_map(|name| rest.strip_prefix(name)?.strip_prefix("!("))?;
        Some(arguments(call))
    });
    calls.filter(|arguments| !has_text(arguments)).collect()
}

/// Up to the bracket that closes the call.
fn arguments(text: &str) -> &str {
    let end = top_level(text).find(|(_, depth, _)| *depth < 0).map_or(text.len(), |(at, ..)| at);
    text.split_at(end).0
}

/// Whether an argument begins with a quote.
fn has_text(arguments: &str) -> bool {
    let commas =
        top_level(arguments).filter(|(_, depth, char)| *depth == 0 && *char == ',').map(|(at, ..)| at + 1);
    std::iter::once(0).chain(commas).any(|at| arguments.split_at(at).1.trim_start().starts_with('"'))
}

/// The characters outside of texts, each with how many brackets are open behind it.
fn top_level(text: &str) -> impl Iterator<Item = (usize, i32, char)> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    text.char_indices().filter_map(move |(at, char)| {
        match char {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            _ => {}
        }
        (!quoted).then_some((at, depth, char))
    })
}
