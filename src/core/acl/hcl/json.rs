//! The JSON form of a policy, into the same tree.

use super::{Item, MAX_DEPTH, Node, TextError};
use crate::core::json::{Document, JsonError, Kind, Value};

/// Reads a whole text. `{"path": {"x": {…}}}`, in which any object may also be a list of such, is as `path "x" {…}`.
pub(super) fn parse(text: &str) -> Result<Vec<Item>, TextError> {
    let document = Document::parse(text.as_bytes()).map_err(TextError::Json)?;
    let Node::Object(members) = node(document.value(), 0)? else {
        return Err(TextError::Json(JsonError::Syntax));
    };
    let mut items = Vec::new();
    for member in members {
        if member.keys.iter().any(|key| key == "path") {
            for named in objects(member.value) {
                match named {
                    Node::Object(paths) => items.extend(paths.into_iter().flat_map(block)),
                    value => items.push(item("path".to_owned(), value)),
                }
            }
        } else {
            items.push(member);
        }
    }
    Ok(items)
}

/// `"x": {…}` below `path`, as blocks.
fn block(path: Item) -> impl Iterator<Item = Item> {
    let keys: Vec<String> = std::iter::once("path".to_owned()).chain(path.keys).collect();
    objects(path.value).into_iter().map(move |value| Item { keys: keys.clone(), line: 0, value })
}

/// A list of objects as these objects, all else as itself.
fn objects(node: Node) -> Vec<Node> {
    match node {
        Node::List(list) if !list.is_empty() && list.iter().all(|one| matches!(one, Node::Object(_))) => list,
        other => vec![other],
    }
}

fn node(value: Value<'_>, depth: usize) -> Result<Node, TextError> {
    if depth > MAX_DEPTH {
        return Err(TextError::JsonDepth);
    }
    let below = depth.saturating_add(1);
    Ok(match value.kind {
        Kind::Null => Node::Null,
        Kind::Bool => Node::Bool(value.text == "true"),
        Kind::Number => Node::Number(value.text.to_owned()),
        Kind::Text => Node::Text(value.as_text().unwrap_or_default().into_owned()),
        Kind::Array => Node::List(value.items().map(|item| node(item, below)).collect::<Result<_, _>>()?),
        Kind::Object => {
            let members = value.members();
            let members = members.map(|(key, member)| Ok(item(key.into_owned(), node(member, below)?)));
            Node::Object(members.collect::<Result<_, _>>()?)
        }
    })
}

fn item(key: String, value: Node) -> Item {
    Item { keys: vec![key], line: 0, value }
}
