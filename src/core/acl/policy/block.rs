//! What stands inside of one `path`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::BlockFault;
use crate::core::acl::capability::Capabilities;
use crate::core::acl::hcl::{Item, Node};
use crate::core::acl::rule::{Parameters, Rule, add_values};
use crate::core::fields::Fields;

const READ: Capabilities = Capabilities::READ.and(Capabilities::LIST);
const WRITE: Capabilities =
    READ.and(Capabilities::CREATE).and(Capabilities::UPDATE).and(Capabilities::DELETE);

/// A block that was read.
pub(super) struct Block {
    pub(super) rule: Rule,
    pub(super) unenforced: Vec<&'static str>,
}

/// Reads the items of a `path`.
pub(super) fn read(items: Vec<Item>) -> Result<Block, BlockFault> {
    let mut written = Written::default();
    for item in items {
        written.item(item)?;
    }
    let capabilities = written.capabilities()?;
    if capabilities.has(Capabilities::DENY) {
        return Ok(Block { rule: Rule::denial(), unenforced: Vec::new() });
    }
    if !written.max_wrap.is_zero() && written.max_wrap < written.min_wrap {
        return Err(BlockFault::WrappingOrder);
    }
    let parameters = Some(written.parameters).filter(|some| !some.is_empty()).map(Box::new);
    let rule = Rule { capabilities, min_wrap: written.min_wrap, max_wrap: written.max_wrap, parameters };
    Ok(Block { rule, unenforced: written.unenforced })
}

#[derive(Default)]
struct Written {
    policy: String,
    capabilities: Vec<String>,
    min_wrap: Duration,
    max_wrap: Duration,
    parameters: Parameters,
    unenforced: Vec<&'static str>,
}

impl Written {
    fn item(&mut self, item: Item) -> Result<(), BlockFault> {
        let Item { keys, line, value } = item;
        let [key] = keys.as_slice() else { return self.labelled(&keys, line) };
        match key.as_str() {
            "comment" | "subscribe_event_types" => {}
            "policy" => self.policy = text(value).ok_or(wrong("policy", "a text", line))?,
            "capabilities" => self.capabilities.extend(texts("capabilities", value, line)?),
            "allowed_parameters" => {
                values("allowed_parameters", value, line, &mut self.parameters.allowed)?;
            }
            "denied_parameters" => values("denied_parameters", value, line, &mut self.parameters.denied)?,
            "required_parameters" => {
                let names = texts("required_parameters", value, line)?;
                self.parameters.required.extend(names.into_iter().map(|name| name.to_lowercase()));
            }
            "min_wrapping_ttl" => self.min_wrap = duration("min_wrapping_ttl", value)?,
            "max_wrapping_ttl" => self.max_wrap = duration("max_wrapping_ttl", value)?,
            "mfa_methods" => self.unenforced.push("mfa_methods"),
            "control_group" => self.unenforced.push("control_group"),
            _ => return Err(BlockFault::Key { key: key.clone(), line }),
        }
        Ok(())
    }

    /// A block with names of its own, of which there is none but the control group's.
    fn labelled(&mut self, keys: &[String], line: usize) -> Result<(), BlockFault> {
        if keys.first().is_some_and(|key| key == "control_group") {
            self.unenforced.push("control_group");
            return Ok(());
        }
        Err(BlockFault::Key { key: keys.join(" "), line })
    }

    /// Up to a denial, behind which nothing counts.
    fn capabilities(&self) -> Result<Capabilities, BlockFault> {
        let mut all = match self.policy.as_str() {
            "" => Capabilities::default(),
            "deny" => Capabilities::DENY,
            "read" => READ,
            "write" => WRITE,
            "sudo" => WRITE.and(Capabilities::SUDO),
            other => return Err(BlockFault::Policy(other.to_owned())),
        };
        for name in &self.capabilities {
            if all.has(Capabilities::DENY) {
                break;
            }
            let one = Capabilities::named(name).ok_or_else(|| BlockFault::Capability(name.clone()))?;
            all = all.and(one);
        }
        Ok(all)
    }
}

const fn wrong(key: &'static str, expected: &'static str, line: usize) -> BlockFault {
    BlockFault::Value { key, expected, line }
}

fn text(node: Node) -> Option<String> {
    match node {
        Node::Text(text) | Node::Number(text) => Some(text),
        Node::Bool(flag) => Some(flag.to_string()),
        Node::Null | Node::List(_) | Node::Object(_) => None,
    }
}

fn texts(key: &'static str, node: Node, line: usize) -> Result<Vec<String>, BlockFault> {
    match node {
        Node::List(list) => list.into_iter().map(text).collect::<Option<_>>(),
        _ => None,
    }
    .ok_or(wrong(key, "a list of texts", line))
}

/// Parameters and the values listed for each, added to those before.
fn values(
    key: &'static str,
    node: Node,
    line: usize,
    all: &mut BTreeMap<String, Vec<Value>>,
) -> Result<(), BlockFault> {
    let wrong = || wrong(key, "parameters with a list of values each", line);
    match node {
        Node::Object(items) => {
            for Item { keys, value, .. } in items {
                let ([name], Node::List(list)) = (keys.as_slice(), value) else { return Err(wrong()) };
                let listed = list.into_iter().map(json).collect::<Option<_>>().ok_or_else(wrong)?;
                add_values(all, name.to_lowercase(), listed);
            }
            Ok(())
        }
        // How JSON may write a block.
        Node::List(blocks)
            if blocks.iter().all(|block| matches!(block, Node::Object(_))) && !blocks.is_empty() =>
        {
            blocks.into_iter().try_for_each(|block| values(key, block, line, all))
        }
        _ => Err(wrong()),
    }
}

fn json(node: Node) -> Option<Value> {
    Some(match node {
        Node::Text(text) => Value::String(text),
        Node::Number(number) => serde_json::from_str(&number).ok().map(Value::Number)?,
        Node::Bool(flag) => Value::Bool(flag),
        Node::Null => Value::Null,
        Node::List(list) => Value::Array(list.into_iter().map(json).collect::<Option<_>>()?),
        Node::Object(items) => {
            let member = |item: Item| Some((item.keys.join(" "), json(item.value)?));
            Value::Object(items.into_iter().map(member).collect::<Option<_>>()?)
        }
    })
}

/// A TTL as the reference's fields take it, which counts whole seconds.
fn duration(key: &'static str, node: Node) -> Result<Duration, BlockFault> {
    let fault = |reason: &str| BlockFault::Wrapping(key, reason.to_owned());
    let value = json(node).filter(|value| value.is_string() || value.is_number());
    let value = value.ok_or_else(|| fault("could not parse duration from input"))?;
    // None at all is what 0 means, and a part of a second must not come to mean it.
    let is_zero = !value.as_str().is_some_and(|text| text.contains(|c| matches!(c, '1'..='9')));
    let fields = Map::from_iter([(key.to_owned(), value.clone())]);
    let seconds =
        Fields::new(&fields).seconds(key).map_err(|error| fault(&error.reason))?.unwrap_or_default();
    if seconds == 0 && !is_zero {
        return Err(fault("shorter than a second"));
    }
    Ok(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
}
