//! PEM (RFC 7468): blocks between their BEGIN and END lines, other text ignored.
//!
//! The structure is read strictly. Blocks that run together, which `cat a.crt b.crt` makes of files without a line end, are
//! an error: lenient parsers lose one of them without a word.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
/// What editors of Windows put at the start of a file.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What is wrong with the structure of a PEM text. Shows no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// A line holds a BEGIN or END, and something else or a broken one.
    #[error("line {0}: a BEGIN or END line of PEM must be well-formed and have its line to itself")]
    Boundary(usize),
    /// A block begins within another one.
    #[error("line {0}: a PEM block begins within another one")]
    Nested(usize),
    /// An END line without a BEGIN line, or with another label.
    #[error("line {0}: a PEM block ends that has not begun with that label")]
    UnexpectedEnd(usize),
    /// The text ends within a block.
    #[error("line {0}: a PEM block begins and does not end")]
    Unterminated(usize),
}

/// One block of a PEM text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PemBlock<'a> {
    /// What the block says that it is, such as `CERTIFICATE`.
    pub label: &'a str,
    /// The lines between BEGIN and END.
    body: &'a [u8],
}

impl PemBlock<'_> {
    /// The content; none where it is not base64 (RFC 4648 section 4). Headers before a blank line (RFC 1421 section 4.4) do
    /// not count as content.
    pub fn decode(&self) -> Option<Vec<u8>> {
        let encoded: Vec<u8> =
            without_headers(self.body).iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        STANDARD.decode(encoded).ok()
    }
}

impl std::fmt::Debug for PemBlock<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The body may be a private key.
        formatter.debug_struct("PemBlock").field("label", &self.label).finish_non_exhaustive()
    }
}

/// The blocks of a PEM text, in its order. Blanks around a BEGIN or END line, and CRLF, do not count.
///
/// # Errors
/// Where the structure is broken. What the blocks hold is not looked at.
pub fn blocks(text: &[u8]) -> Result<Vec<PemBlock<'_>>, PemError> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let (mut blocks, mut open) = (Vec::new(), None::<Open<'_>>);
    let mut start = 0_usize;
    for (number, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
        let end = start.saturating_add(line.len());
        match (boundary(line).ok_or(PemError::Boundary(number))?, &open) {
            (Line::Text, _) => {}
            (Line::Begin(label), None) => open = Some(Open { label, line: number, body: end }),
            (Line::Begin(_), Some(_)) => return Err(PemError::Nested(number)),
            (Line::End(label), Some(block)) if block.label == label => {
                let body = text.get(block.body..start).unwrap_or_default();
                blocks.push(PemBlock { label, body });
                open = None;
            }
            (Line::End(_), _) => return Err(PemError::UnexpectedEnd(number)),
        }
        start = end;
    }
    match open {
        Some(block) => Err(PemError::Unterminated(block.line)),
        None => Ok(blocks),
    }
}

/// A block that has begun.
struct Open<'a> {
    label: &'a str,
    line: usize,
    /// Where its body begins in the text.
    body: usize,
}

enum Line<'a> {
    Text,
    Begin(&'a str),
    End(&'a str),
}

/// What a line is; none where it holds a boundary that is not all of it.
fn boundary(line: &[u8]) -> Option<Line<'_>> {
    let holds = |mark: &str| line.windows(mark.len()).any(|window| window == mark.as_bytes());
    // Without the blank at their ends, so that a broken label is not taken for text.
    if !holds(BEGIN.trim_end()) && !holds(END.trim_end()) {
        return Some(Line::Text);
    }
    let line = std::str::from_utf8(line.trim_ascii()).ok()?;
    let label = |mark: &str| {
        let label = line.strip_prefix(mark)?.strip_suffix(DASHES)?;
        is_label(label).then_some(label)
    };
    label(BEGIN).map(Line::Begin).or_else(|| label(END).map(Line::End))
}

/// A label of RFC 7468 section 3, not an empty one: printable ASCII, words with single blanks or hyphens between them. Any that
/// is in use is far shorter than the limit; the log may show it.
fn is_label(label: &str) -> bool {
    label.len() <= 64
        && label.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && label.split([' ', '-']).all(|word| !word.is_empty())
}

/// What follows headers; everything where there are none.
fn without_headers(body: &[u8]) -> &[u8] {
    let first = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if !first.contains(&b':') {
        return body;
    }
    let mut rest = body;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = rest.split_at(end.saturating_add(1));
        rest = after;
        if line.trim_ascii().is_empty() {
            return rest;
        }
    }
    // Nothing but headers.
    b""
}

#[cfg(test)]
mod tests;
