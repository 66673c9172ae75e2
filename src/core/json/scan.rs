//! The scanner: checks every byte once, without recursion.

use super::text::unescape;
use super::{JsonError, Kind, MAX_DEPTH, Value};

/// An object or array that is open, and where its keys begin.
struct Open {
    start: usize,
    keys_from: usize,
    /// The key under which it stands, if it is a member.
    key: Option<usize>,
    object: bool,
}

pub(super) struct Scanner<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Scanner<'a> {
    /// Scans one value and calls `member` at the end of each object member, with its depth, key and value.
    pub(super) fn value(
        &mut self,
        member: &mut impl FnMut(usize, &'a [u8], Value<'a>),
    ) -> Result<Value<'a>, JsonError> {
        let mut open: Vec<Open> = Vec::new();
        let mut keys: Vec<&'a [u8]> = Vec::new();
        let mut key: Option<usize> = None;
        loop {
            self.blanks();
            let start = self.at;
            let mut value = match self.next()? {
                b'{' => {
                    if open.len() >= MAX_DEPTH {
                        return Err(JsonError::Depth);
                    }
                    open.push(Open { start, keys_from: keys.len(), key, object: true });
                    self.blanks();
                    if self.peek() != Some(b'}') {
                        key = Some(self.key(&mut keys)?);
                        continue;
                    }
                    None
                }
                b'[' => {
                    if open.len() >= MAX_DEPTH {
                        return Err(JsonError::Depth);
                    }
                    open.push(Open { start, keys_from: keys.len(), key, object: false });
                    key = None;
                    self.blanks();
                    if self.peek() != Some(b']') {
                        continue;
                    }
                    None
                }
                first => {
                    let kind = self.scalar(first)?;
                    Some(self.since(start, kind))
                }
            };
            // A value is whole: hand it to what it stands in, and close what ends with it.
            loop {
                if let Some(whole) = value {
                    let Some(outer) = open.last() else { return Ok(whole) };
                    if let (true, Some(name)) = (outer.object, key.and_then(|key| keys.get(key))) {
                        member(open.len(), name, whole);
                    }
                    self.blanks();
                    if self.peek() == Some(b',') {
                        self.at = self.at.saturating_add(1);
                        key = if outer.object {
                            self.blanks();
                            Some(self.key(&mut keys)?)
                        } else {
                            None
                        };
                        break;
                    }
                }
                let Some(outer) = open.pop() else { return Err(JsonError::Syntax) };
                if self.next()? != if outer.object { b'}' } else { b']' } {
                    return Err(JsonError::Syntax);
                }
                if outer.object {
                    unique(keys.get_mut(outer.keys_from..).unwrap_or_default())?;
                }
                keys.truncate(outer.keys_from);
                key = outer.key;
                let kind = if outer.object { Kind::Object } else { Kind::Array };
                value = Some(self.since(outer.start, kind));
            }
        }
    }

    fn since(&self, start: usize, kind: Kind) -> Value<'a> {
        Value { kind, text: self.text.get(start..self.at).unwrap_or_default() }
    }

    pub(super) fn end(&mut self) -> Result<(), JsonError> {
        self.blanks();
        if self.at == self.text.len() { Ok(()) } else { Err(JsonError::Syntax) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Result<u8, JsonError> {
        let byte = self.peek().ok_or(JsonError::Syntax)?;
        self.at = self.at.saturating_add(1);
        Ok(byte)
    }

    pub(super) fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at = self.at.saturating_add(1);
        }
    }

    /// A key and its colon; gives the key's place in the list.
    fn key(&mut self, keys: &mut Vec<&'a [u8]>) -> Result<usize, JsonError> {
        let start = self.at;
        if self.next()? != b'"' {
            return Err(JsonError::Syntax);
        }
        self.string()?;
        keys.push(self.text.get(start..self.at).unwrap_or_default());
        self.blanks();
        if self.next()? != b':' {
            return Err(JsonError::Syntax);
        }
        Ok(keys.len().saturating_sub(1))
    }

    /// Everything that does not nest, whose first byte has been read.
    fn scalar(&mut self, first: u8) -> Result<Kind, JsonError> {
        match first {
            b'"' => self.string().map(|()| Kind::Text),
            b't' => self.word(b"rue").map(|()| Kind::Bool),
            b'f' => self.word(b"alse").map(|()| Kind::Bool),
            b'n' => self.word(b"ull").map(|()| Kind::Null),
            b'-' | b'0'..=b'9' => self.number(first).map(|()| Kind::Number),
            _ => Err(JsonError::Syntax),
        }
    }

    fn word(&mut self, rest: &[u8]) -> Result<(), JsonError> {
        let after = self.text.get(self.at..).unwrap_or_default();
        if !after.starts_with(rest) {
            return Err(JsonError::Syntax);
        }
        self.at = self.at.saturating_add(rest.len());
        Ok(())
    }

    /// The rest of a string, to its closing quote.
    fn string(&mut self) -> Result<(), JsonError> {
        loop {
            match self.next()? {
                b'"' => return Ok(()),
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
                0..=0x1f => return Err(JsonError::Syntax),
                _ => {}
            }
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

/// That no key is there twice; few keys are compared in pairs, many sorted.
fn unique(keys: &mut [&[u8]]) -> Result<(), JsonError> {
    let plain = keys.iter().all(|key| !key.contains(&b'\\') && key.is_ascii());
    let twice = if plain && keys.len() <= 24 {
        keys.iter().enumerate().any(|(at, key)| keys.iter().take(at).any(|other| other == key))
    } else {
        let mut read: Vec<_> = keys.iter().map(|key| unescape(key)).collect();
        read.sort_unstable();
        read.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
    };
    if twice { Err(JsonError::DuplicateKey) } else { Ok(()) }
}
