//! Policy text, read into a tree: the HCL that Vault's policies are written in, and its JSON form.
//!
//! This is the first HCL, where several arguments may stand on one line and `${` means nothing; parsers of the
//! second one refuse such policies.

mod json;
mod lexer;
mod parser;
mod quoted;

use crate::core::json::JsonError;

/// The deepest nesting of objects and lists.
pub(super) const MAX_DEPTH: usize = 32;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Text(String),
    /// A number as it was written.
    Number(String),
    Bool(bool),
    /// JSON's `null`.
    Null,
    List(Vec<Node>),
    Object(Vec<Item>),
}

/// `key = value`, or a block: `key "name" { … }`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// At least one.
    pub(super) keys: Vec<String>,
    /// Where it stands; 0 where that is not known.
    pub(super) line: usize,
    pub(super) value: Node,
}

/// Why a text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TextError {
    #[error("At {line}:{column}: {cause}")]
    Hcl { line: usize, column: usize, cause: Syntax },
    #[error("{0}")]
    Json(JsonError),
    #[error("nested deeper than {MAX_DEPTH} levels")]
    JsonDepth,
}

/// What is wrong at one place, in the reference's words where it has them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Syntax {
    #[error("illegal char")]
    Character,
    #[error("illegal char escape")]
    Escape,
    #[error("literal not terminated")]
    Literal,
    #[error("comment not terminated")]
    Comment,
    #[error("expected '/' for comment")]
    Slash,
    #[error("heredoc not terminated")]
    Heredoc,
    #[error("invalid characters in heredoc anchor")]
    Anchor,
    #[error("illegal number")]
    Number,
    #[error("expected: IDENT | STRING | ASSIGN | LBRACE got: {0}")]
    Key(&'static str),
    #[error("no object keys found!")]
    NoKey,
    #[error("nested object expected: LBRACE got: ASSIGN")]
    AssignedBlock,
    #[error("key '{0}' expected start of object ('{{') or assignment ('=')")]
    NoValue(String),
    #[error("the argument {0:?} was already set; each argument can only be defined once")]
    Twice(String),
    #[error("expected a value got: {0}")]
    Value(&'static str),
    #[error("object expected closing RBRACE got: EOF")]
    OpenObject,
    #[error("error parsing list, expected comma or list end, got: {0}")]
    NoComma(&'static str),
    #[error("unexpected token while parsing list: {0}")]
    ListItem(&'static str),
    #[error("nested deeper than {MAX_DEPTH} levels")]
    Depth,
}

/// Reads a whole text: JSON where its first character is `{`, else HCL.
pub(super) fn parse(text: &str) -> Result<Vec<Item>, TextError> {
    if text.trim_start().starts_with('{') { json::parse(text) } else { parser::parse(text) }
}

#[cfg(test)]
mod tests;
