//! A policy as it is written: paths, and what each may be used for.

mod block;

use super::hcl::{self, Item, Node, TextError};
use super::pattern::{Pattern, Plus};
use super::rule::Rule;
use super::template::{self, Unbalanced};

/// The longest text that is read, in bytes.
pub const MAX_TEXT: usize = 1024 * 1024;

/// A policy that was read.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    pub(super) paths: Vec<PathRule>,
    bytes: usize,
    templated: bool,
    unenforced: Vec<String>,
}

/// One `path` of a policy.
#[derive(Debug, Clone)]
pub(super) struct PathRule {
    /// As it is written, directives and all.
    pub(super) path: String,
    pub(super) rule: Rule,
}

/// Why a policy is refused, in the reference's words where it has them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to parse policy: {0}")]
pub struct PolicyError(Fault);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("longer than {MAX_TEXT} bytes")]
    TooLong,
    #[error(transparent)]
    Text(#[from] TextError),
    #[error("{}", invalid_key(.key, *.line))]
    Key { key: String, line: usize },
    #[error("`name` needs a text")]
    Name,
    #[error("`path` needs one name and a block{}", on_line(*.0))]
    Path(usize),
    #[error("path {path:?}: {cause}")]
    Block { path: String, cause: BlockFault },
}

/// What is wrong with one `path`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum BlockFault {
    #[error("{}", invalid_key(.key, *.line))]
    Key { key: String, line: usize },
    #[error("`{key}` needs {expected}{}", on_line(*.line))]
    Value { key: &'static str, expected: &'static str, line: usize },
    #[error("invalid capability {0:?}")]
    Capability(String),
    #[error("invalid policy {0:?}")]
    Policy(String),
    #[error("error parsing {0}: {1}")]
    Wrapping(&'static str, String),
    #[error("max_wrapping_ttl cannot be less than min_wrapping_ttl")]
    WrappingOrder,
    #[error(transparent)]
    Plus(#[from] Plus),
    #[error("failed to validate policy templating: {0}")]
    Template(#[from] Unbalanced),
}

impl Policy {
    /// Reads a policy: HCL, or JSON where its first character is `{`.
    ///
    /// # Errors
    /// Where anything in it cannot be read: a policy counts whole or not at all.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let read = || {
            if text.len() > MAX_TEXT {
                return Err(Fault::TooLong);
            }
            let mut policy = Self { bytes: text.len(), ..Self::default() };
            for item in hcl::parse(text)? {
                policy.item(item)?;
            }
            Ok(policy)
        };
        read().map_err(PolicyError)
    }

    /// The length of its text.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether its paths depend on who asks.
    pub const fn is_templated(&self) -> bool {
        self.templated
    }

    /// What it asks for and nobody here enforces: `control_group` and `mfa_methods`, which are read and, as in
    /// the reference's community edition, mean nothing. Each with its path.
    pub fn unenforced(&self) -> &[String] {
        &self.unenforced
    }

    fn item(&mut self, item: Item) -> Result<(), Fault> {
        let Item { keys, line, value } = item;
        match (keys.as_slice(), value) {
            ([name], Node::Text(_) | Node::Number(_) | Node::Bool(_)) if name == "name" => Ok(()),
            ([name, ..], _) if name == "name" => Err(Fault::Name),
            ([key, path], Node::Object(items)) if key == "path" => {
                self.path(path, items).map_err(|cause| Fault::Block { path: path.clone(), cause })
            }
            ([key, ..], _) if key == "path" => Err(Fault::Path(line)),
            (keys, _) => Err(Fault::Key { key: keys.join(" "), line }),
        }
    }

    fn path(&mut self, path: &str, items: Vec<Item>) -> Result<(), BlockFault> {
        self.templated |= template::is_templated(path)?;
        Pattern::read(path)?;
        let block = block::read(items)?;
        self.unenforced.extend(block.unenforced.iter().map(|key| format!("`{key}` of path {path:?}")));
        self.paths.push(PathRule { path: path.to_owned(), rule: block.rule });
        Ok(())
    }
}

fn invalid_key(key: &str, line: usize) -> String {
    format!("invalid key {key:?}{}", on_line(line))
}

fn on_line(line: usize) -> String {
    if line == 0 { String::new() } else { format!(" on line {line}") }
}

#[cfg(test)]
mod tests;
