//! Text into tokens.

use std::borrow::Cow;

use super::Syntax;
use super::quoted::{heredoc, quoted};

/// The smallest part that means something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Name(&'a str),
    Text(Cow<'a, str>),
    /// A text over lines.
    Heredoc(String),
    Number(&'a str),
    Bool(bool),
    Assign,
    Comma,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    End,
}

impl Token<'_> {
    /// What the reference calls it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Name(_) => "IDENT",
            Self::Text(_) => "STRING",
            Self::Heredoc(_) => "HEREDOC",
            Self::Number(_) => "NUMBER",
            Self::Bool(_) => "BOOL",
            Self::Assign => "ASSIGN",
            Self::Comma => "COMMA",
            Self::LeftBrace => "LBRACE",
            Self::RightBrace => "RBRACE",
            Self::LeftBracket => "LBRACK",
            Self::RightBracket => "RBRACK",
            Self::End => "EOF",
        }
    }
}

/// An error, and the bytes that were left where it was found.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) left: usize,
    pub(super) cause: Syntax,
}

/// A text that is taken apart from its front.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lexer<'a> {
    pub(super) rest: &'a str,
}

impl<'a> Lexer<'a> {
    /// The next token, and the bytes that were left where it began.
    pub(super) fn next(&mut self) -> Result<(Token<'a>, usize), Fault> {
        self.blanks()?;
        let left = self.rest.len();
        let token = self.token().map_err(|cause| Fault { left, cause })?;
        Ok((token, left))
    }

    fn token(&mut self) -> Result<Token<'a>, Syntax> {
        let Some(first) = self.rest.chars().next() else { return Ok(Token::End) };
        let simple = match first {
            '=' => Token::Assign,
            ',' => Token::Comma,
            '{' => Token::LeftBrace,
            '}' => Token::RightBrace,
            '[' => Token::LeftBracket,
            ']' => Token::RightBracket,
            '"' => {
                let (text, rest) = quoted(self.rest)?;
                self.rest = rest;
                return Ok(Token::Text(text));
            }
            '<' => {
                let (text, rest) = heredoc(self.rest)?;
                self.rest = rest;
                return Ok(Token::Heredoc(text));
            }
            '-' | '0'..='9' => return self.number(),
            _ if first == '_' || first.is_alphabetic() => return Ok(self.name()),
            _ => return Err(Syntax::Character),
        };
        self.take(|c| c == first, 1);
        Ok(simple)
    }

    fn name(&mut self) -> Token<'a> {
        let name = self.take(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'), usize::MAX);
        match name {
            "true" => Token::Bool(true),
            "false" => Token::Bool(false),
            _ => Token::Name(name),
        }
    }

    fn number(&mut self) -> Result<Token<'a>, Syntax> {
        let number = self.take(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-'), usize::MAX);
        match serde_json::from_str::<serde_json::Number>(number) {
            Ok(_) => Ok(Token::Number(number)),
            Err(_) => Err(Syntax::Number),
        }
    }

    /// White space and comments.
    fn blanks(&mut self) -> Result<(), Fault> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
            let left = self.rest.len();
            if let Some(block) = self.rest.strip_prefix("/*") {
                let Some((_, after)) = block.split_once("*/") else {
                    return Err(Fault { left, cause: Syntax::Comment });
                };
                self.rest = after;
            } else if self.rest.starts_with('#') || self.rest.starts_with("//") {
                self.take(|c| c != '\n', usize::MAX);
            } else if self.rest.starts_with('/') {
                return Err(Fault { left, cause: Syntax::Slash });
            } else {
                return Ok(());
            }
        }
    }

    /// Takes characters while they are wanted, at most so many.
    fn take(&mut self, wanted: impl Fn(char) -> bool, most: usize) -> &'a str {
        let end = self
            .rest
            .char_indices()
            .enumerate()
            .find(|(count, (_, c))| *count >= most || !wanted(*c))
            .map_or(self.rest.len(), |(_, (at, _))| at);
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }
}
