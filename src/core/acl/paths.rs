//! Paths and their rules, in an order in which the one that counts is found fast.

use std::collections::HashMap;

use super::pattern::{Pattern, Segments};
use super::rule::Rule;

/// The rules of all policies together.
#[derive(Debug, Default)]
pub(super) struct Paths {
    exact: HashMap<Box<str>, Rule>,
    prefixes: Vec<Prefix>,
    /// The one that wins first.
    segments: Vec<(Segments, Rule)>,
}

/// A rule for every path that begins so.
#[derive(Debug)]
struct Prefix {
    prefix: Box<str>,
    /// Where the longest other prefix is that this one begins with.
    shorter: Option<usize>,
    rule: Rule,
}

/// Rules that are being gathered.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    exact: HashMap<Box<str>, Rule>,
    prefixes: HashMap<Box<str>, Rule>,
    segments: HashMap<Box<str>, Rule>,
}

impl Gathered {
    /// Adds what one policy says of a path.
    pub(super) fn add(&mut self, pattern: Pattern<'_>, rule: &Rule) {
        let (rules, path) = match pattern {
            Pattern::Exact(path) => (&mut self.exact, path),
            Pattern::Prefix(path) => (&mut self.prefixes, path),
            Pattern::Segments(path) => (&mut self.segments, path),
        };
        match rules.get_mut(path) {
            Some(before) => before.add(rule),
            None => {
                rules.insert(path.into(), rule.clone());
            }
        }
    }
}

impl From<Gathered> for Paths {
    fn from(gathered: Gathered) -> Self {
        let mut segments: Vec<_> =
            gathered.segments.into_iter().map(|(path, rule)| (Segments::new(&path), rule)).collect();
        segments.sort_by(|(one, _), (other, _)| other.weight.cmp(&one.weight));
        Self { exact: gathered.exact, prefixes: sorted(gathered.prefixes), segments }
    }
}

fn sorted(prefixes: HashMap<Box<str>, Rule>) -> Vec<Prefix> {
    let mut rules: Vec<_> = prefixes.into_iter().collect();
    rules.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut sorted: Vec<Prefix> = Vec::with_capacity(rules.len());
    for (prefix, rule) in rules {
        // Whatever begins this prefix is the one before it, or begins that one, too.
        let shorter = longest(&sorted, sorted.len().checked_sub(1), &prefix);
        sorted.push(Prefix { prefix, shorter, rule });
    }
    sorted
}

/// The longest prefix of the path among this one and those that it begins with.
fn longest(prefixes: &[Prefix], mut from: Option<usize>, path: &str) -> Option<usize> {
    while let Some(prefix) = from.and_then(|at| prefixes.get(at)) {
        if path.starts_with(&*prefix.prefix) {
            return from;
        }
        from = prefix.shorter;
    }
    None
}

impl Paths {
    /// The rule that counts for a path. A list is asked for with a slash at its end, and without one counts, too.
    pub(super) fn rule(&self, path: &str, is_list: bool) -> Option<&Rule> {
        let path = path.trim_start_matches('/');
        let bare = path.strip_suffix('/').filter(|_| is_list);
        self.exact
            .get(path)
            .or_else(|| self.exact.get(bare?))
            .or_else(|| self.wildcard(bare?))
            .or_else(|| self.wildcard(path))
    }

    fn wildcard(&self, path: &str) -> Option<&Rule> {
        let prefix = self.prefix(path);
        let segments = self.segments.iter().find(|(segments, _)| segments.fits(path));
        match (prefix, segments) {
            (Some(prefix), Some((segments, rule))) => {
                Some(if segments.beats(&prefix.prefix) { rule } else { &prefix.rule })
            }
            (Some(prefix), None) => Some(&prefix.rule),
            (None, found) => found.map(|(_, rule)| rule),
        }
    }

    fn prefix(&self, path: &str) -> Option<&Prefix> {
        let above = self.prefixes.partition_point(|prefix| &*prefix.prefix <= path);
        longest(&self.prefixes, above.checked_sub(1), path).and_then(|at| self.prefixes.get(at))
    }

    /// Whether any rule grants anything for paths below this one, which ends in a slash.
    pub(super) fn grant_below(&self, folder: &str) -> bool {
        let below = |path: &str, rule: &Rule| path.starts_with(folder) && rule.capabilities.grant();
        self.exact.iter().any(|(path, rule)| below(path, rule))
            || self.prefixes.iter().any(|prefix| below(&prefix.prefix, &prefix.rule))
            || self
                .segments
                .iter()
                .any(|(segments, rule)| rule.capabilities.grant() && segments.reaches_below(folder))
    }
}

#[cfg(test)]
mod tests;
