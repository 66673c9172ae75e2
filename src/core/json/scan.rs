//! The scanner: checks every byte once, without recursion, and notes where each value stands.

use smallvec::SmallVec;

use super::text::{unescape, unstopped};
use super::{JsonError, Kind, MAX_BYTES, MAX_DEPTH, Node, Nodes};

/// An object or array that is open.
struct Open {
    /// Its place among the nodes.
    node: usize,
    /// Where its keys begin.
    keys_from: usize,
    is_object: bool,
}

/// Checks a whole text and gives its values.
pub(super) fn scan(text: &str) -> Result<Nodes, JsonError> {
    if text.len() > MAX_BYTES {
        return Err(JsonError::Syntax);
    }
    // Room for what a token has: a key, or a value, in every 16 bytes.
    let nodes = Nodes::with_capacity(text.len().div_ceil(16));
    let mut scanner = Scanner { text, at: 0, nodes, keys: SmallVec::new(), has_escaped_key: false };
    scanner.value()?;
    scanner.blanks();
    if scanner.at == text.len() { Ok(scanner.nodes) } else { Err(JsonError::Syntax) }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    nodes: Nodes,
    /// The keys of all objects that are open, with their quotes.
    keys: SmallVec<[&'a str; 32]>,
    has_escaped_key: bool,
}

impl<'a> Scanner<'a> {
    fn value(&mut self) -> Result<(), JsonError> {
        let mut open: SmallVec<[Open; 8]> = SmallVec::new();
        loop {
            self.blanks();
            let start = self.at;
            let first = self.next()?;
            if matches!(first, b'{' | b'[') {
                if open.len() >= MAX_DEPTH {
                    return Err(JsonError::Depth);
                }
                let is_object = first == b'{';
                open.push(Open { node: self.nodes.len(), keys_from: self.keys.len(), is_object });
                self.note(start, if is_object { Kind::Object } else { Kind::Array }, false);
                self.blanks();
                if self.peek() != Some(closing(is_object)) {
                    if is_object {
                        self.key()?;
                    }
                    continue;
                }
            } else {
                let (kind, is_escaped) = self.scalar(first)?;
                self.note(start, kind, is_escaped);
                match open.last() {
                    None => return Ok(()),
                    Some(outer) if self.follows(outer.is_object)? => continue,
                    Some(_) => {}
                }
            }
            // What ends here, and what ends with it.
            loop {
                let Some(ended) = open.pop() else { return Ok(()) };
                self.close(&ended)?;
                match open.last() {
                    None => return Ok(()),
                    Some(outer) if self.follows(outer.is_object)? => break,
                    Some(_) => {}
                }
            }
        }
    }

    /// Whether another value follows in what is open; its key has been read where it has one.
    fn follows(&mut self, in_object: bool) -> Result<bool, JsonError> {
        self.blanks();
        if self.peek() != Some(b',') {
            return Ok(false);
        }
        self.at = self.at.saturating_add(1);
        if in_object {
            self.blanks();
            self.key()?;
        }
        Ok(true)
    }

    fn close(&mut self, ended: &Open) -> Result<(), JsonError> {
        if self.next()? != closing(ended.is_object) {
            return Err(JsonError::Syntax);
        }
        if ended.is_object {
            unique(self.keys.get(ended.keys_from..).unwrap_or_default(), self.has_escaped_key)?;
            self.keys.truncate(ended.keys_from);
        }
        let inner = self.nodes.len().saturating_sub(ended.node).saturating_sub(1);
        if let Some(node) = self.nodes.get_mut(ended.node) {
            (node.end, node.inner) = (place(self.at), place(inner));
        }
        Ok(())
    }

    /// Notes a value that ends here; of an object or array the end comes later.
    fn note(&mut self, start: usize, kind: Kind, is_escaped: bool) {
        self.nodes.push(Node { start: place(start), end: place(self.at), inner: 0, kind, is_escaped });
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn next(&mut self) -> Result<u8, JsonError> {
        let byte = self.peek().ok_or(JsonError::Syntax)?;
        self.at = self.at.saturating_add(1);
        Ok(byte)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at = self.at.saturating_add(1);
        }
    }

    /// A key and its colon.
    fn key(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        if self.next()? != b'"' {
            return Err(JsonError::Syntax);
        }
        let is_escaped = self.string()?;
        self.has_escaped_key |= is_escaped;
        self.note(start, Kind::Text, is_escaped);
        self.keys.push(self.text.get(start..self.at).unwrap_or_default());
        self.blanks();
        if self.next()? != b':' {
            return Err(JsonError::Syntax);
        }
        Ok(())
    }

    /// Everything that does not nest, whose first byte has been read; whether there are escapes in it.
    fn scalar(&mut self, first: u8) -> Result<(Kind, bool), JsonError> {
        let kind = match first {
            b'"' => return Ok((Kind::Text, self.string()?)),
            b't' => self.word(b"rue").map(|()| Kind::Bool),
            b'f' => self.word(b"alse").map(|()| Kind::Bool),
            b'n' => self.word(b"ull").map(|()| Kind::Null),
            b'-' | b'0'..=b'9' => self.number(first).map(|()| Kind::Number),
            _ => Err(JsonError::Syntax),
        };
        Ok((kind?, false))
    }

    fn word(&mut self, rest: &[u8]) -> Result<(), JsonError> {
        if !self.rest().starts_with(rest) {
            return Err(JsonError::Syntax);
        }
        self.at = self.at.saturating_add(rest.len());
        Ok(())
    }

    /// The rest of a string, to its closing quote; whether there are escapes in it.
    fn string(&mut self) -> Result<bool, JsonError> {
        let mut is_escaped = false;
        loop {
            self.at = self.at.saturating_add(unstopped(self.rest()));
            match self.next()? {
                b'"' => return Ok(is_escaped),
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        for _ in 0..4 {
                            if !self.next()?.is_ascii_hexdigit() {
                                return Err(JsonError::Syntax);
                            }
                        }
                    }
                    _ => return Err(JsonError::Syntax),
                },
                _ => return Err(JsonError::Syntax),
            }
            is_escaped = true;
        }
    }

    /// The rest of a number (RFC 8259 section 6).
    fn number(&mut self, first: u8) -> Result<(), JsonError> {
        let first = if first == b'-' { self.next()? } else { first };
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return Err(JsonError::Syntax),
        }
        if self.peek() == Some(b'.') {
            self.at = self.at.saturating_add(1);
            self.some_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at = self.at.saturating_add(1);
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at = self.at.saturating_add(1);
            }
            self.some_digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at = self.at.saturating_add(1);
        }
    }

    fn some_digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        self.digits();
        if self.at > start { Ok(()) } else { Err(JsonError::Syntax) }
    }
}

/// Within [`MAX_BYTES`].
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

const fn closing(is_object: bool) -> u8 {
    if is_object { b'}' } else { b']' }
}

/// That no key is there twice; few keys are compared in pairs, many sorted.
fn unique(keys: &[&str], has_escaped: bool) -> Result<(), JsonError> {
    let twice = if keys.len() <= 24 && !has_escaped {
        keys.iter().enumerate().any(|(at, key)| keys.iter().take(at).any(|other| other == key))
    } else {
        let mut read: Vec<_> = keys.iter().map(|key| unescape(key, has_escaped)).collect();
        read.sort_unstable();
        read.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
    };
    if twice { Err(JsonError::DuplicateKey) } else { Ok(()) }
}
