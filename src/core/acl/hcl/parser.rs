//! Tokens into a tree.

use std::collections::HashSet;

use super::lexer::{Fault, Lexer, Token};
use super::{Item, MAX_DEPTH, Node, Syntax, TextError};

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Vec<Item>, TextError> {
    let mut parser = Parser { text, lexer: Lexer { rest: text }, at: 0, line: 1 };
    parser.items(0).map_err(|fault| {
        let before = text.get(..text.len().saturating_sub(fault.left)).unwrap_or(text);
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
        let line = before.matches('\n').count().saturating_add(1);
        TextError::Hcl { line, column: column.saturating_add(1), cause: fault.cause }
    })
}

struct Parser<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    /// How far lines are counted, and the line there.
    at: usize,
    line: usize,
}

impl<'a> Parser<'a> {
    /// The items up to the end, or inside of an object up to its brace.
    fn items(&mut self, depth: usize) -> Result<Vec<Item>, Fault> {
        let mut items = Vec::new();
        let mut assigned = HashSet::new();
        loop {
            let before = self.lexer;
            let (token, left) = self.lexer.next()?;
            match token {
                Token::End if depth == 0 => return Ok(items),
                Token::End => return Err(Fault { left, cause: Syntax::OpenObject }),
                Token::RightBrace if depth > 0 => return Ok(items),
                _ => self.lexer = before,
            }
            let (item, is_assigned) = self.item(depth)?;
            if is_assigned
                && let Some(key) = item.keys.first()
                && !assigned.insert(key.clone())
            {
                return Err(Fault { left, cause: Syntax::Twice(key.clone()) });
            }
            items.push(item);
            let before = self.lexer;
            if self.lexer.next()?.0 != Token::Comma {
                self.lexer = before;
            }
        }
    }

    /// One item, and whether it has a `=`.
    fn item(&mut self, depth: usize) -> Result<(Item, bool), Fault> {
        let mut keys: Vec<String> = Vec::new();
        let mut line = 0;
        loop {
            let (token, left) = self.lexer.next()?;
            if keys.is_empty() {
                line = self.line_at(left);
            }
            let fault = |cause| Err(Fault { left, cause });
            match token {
                Token::Name(name) => keys.push(name.to_owned()),
                Token::Text(text) => keys.push(text.into_owned()),
                Token::Assign if keys.is_empty() => return fault(Syntax::NoKey),
                Token::Assign if keys.len() > 1 => return fault(Syntax::AssignedBlock),
                Token::Assign => {
                    let (token, left) = self.lexer.next()?;
                    let value = self.value(token, left, depth)?;
                    return Ok((Item { keys, line, value }, true));
                }
                Token::LeftBrace if !keys.is_empty() => {
                    let value = self.value(token, left, depth)?;
                    return Ok((Item { keys, line, value }, false));
                }
                Token::End | Token::RightBrace if !keys.is_empty() => {
                    return fault(Syntax::NoValue(keys.join(" ")));
                }
                other => return fault(Syntax::Key(other.name())),
            }
        }
    }

    /// The value that begins with this token, inside of something so deep.
    fn value(&mut self, first: Token<'a>, left: usize, depth: usize) -> Result<Node, Fault> {
        if depth >= MAX_DEPTH {
            return Err(Fault { left, cause: Syntax::Depth });
        }
        match first {
            Token::Text(text) => Ok(Node::Text(text.into_owned())),
            Token::Heredoc(text) => Ok(Node::Text(text)),
            Token::Number(number) => Ok(Node::Number(number.to_owned())),
            Token::Bool(flag) => Ok(Node::Bool(flag)),
            Token::LeftBrace => self.items(depth.saturating_add(1)).map(Node::Object),
            Token::LeftBracket => self.list(depth.saturating_add(1)).map(Node::List),
            other => Err(Fault { left, cause: Syntax::Value(other.name()) }),
        }
    }

    /// The rest of a list.
    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Fault> {
        let mut list = Vec::new();
        let mut needs_comma = false;
        loop {
            let (token, left) = self.lexer.next()?;
            match token {
                Token::RightBracket => return Ok(list),
                Token::Comma => needs_comma = false,
                other if needs_comma => {
                    return Err(Fault { left, cause: Syntax::NoComma(other.name()) });
                }
                Token::Name(_) | Token::Assign | Token::RightBrace | Token::End => {
                    return Err(Fault { left, cause: Syntax::ListItem(token.name()) });
                }
                other => {
                    list.push(self.value(other, left, depth)?);
                    needs_comma = true;
                }
            }
        }
    }

    /// The line of what has so many bytes left behind its start.
    fn line_at(&mut self, left: usize) -> usize {
        let at = self.text.len().saturating_sub(left);
        let passed = self.text.get(self.at..at).unwrap_or_default();
        self.line = self.line.saturating_add(passed.matches('\n').count());
        self.at = at;
        self.line
    }
}
