//! How a policy names paths: exactly, by their beginning, or with `+` for whole segments.

/// A `+` and a `*` beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid use of wildcards ('+*' is forbidden)")]
pub(super) struct Plus;

/// A path of a policy, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern<'a> {
    /// This path alone.
    Exact(&'a str),
    /// Every path that begins so.
    Prefix(&'a str),
    /// A `+` stands for one segment; the `*` at its end, if it has one, is kept.
    Segments(&'a str),
}

impl<'a> Pattern<'a> {
    /// Reads it. One slash at its start means nothing; a `*` means something at the end alone.
    pub(super) fn read(text: &'a str) -> Result<Self, Plus> {
        let path = text.strip_prefix('/').unwrap_or(text);
        if path.contains("+*") {
            return Err(Plus);
        }
        if path == "+" || path.starts_with("+/") || path.contains("/+") {
            return Ok(Self::Segments(path));
        }
        Ok(path.strip_suffix('*').map_or(Self::Exact(path), Self::Prefix))
    }
}

/// What decides between patterns that fit the same path; the greatest wins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Weight {
    /// Where its first wildcard stands: late is better.
    first_wildcard: usize,
    /// To be whole is better than to end in `*`.
    whole: bool,
    /// Few `+` are better.
    plusses: std::cmp::Reverse<usize>,
    /// Long is better.
    length: usize,
    /// The whole, without the `*` at its end. Of two that are alike in all else the same one wins every time.
    path: Box<str>,
}

/// A pattern with `+`.
#[derive(Debug, Clone)]
pub(super) struct Segments {
    /// What it begins with, up to its first `+`.
    literal: Box<str>,
    is_prefix: bool,
    pub(super) weight: Weight,
}

impl Segments {
    pub(super) fn new(text: &str) -> Self {
        let (path, is_prefix) = text.strip_suffix('*').map_or((text, false), |path| (path, true));
        let literal = path.split('+').next().unwrap_or_default();
        let weight = Weight {
            first_wildcard: literal.len(),
            whole: !is_prefix,
            plusses: std::cmp::Reverse(path.split('/').filter(|segment| *segment == "+").count()),
            length: path.len(),
            path: path.into(),
        };
        Self { literal: literal.into(), is_prefix, weight }
    }

    /// Whether the whole path fits.
    pub(super) fn fits(&self, path: &str) -> bool {
        if !path.starts_with(&*self.literal) {
            return false;
        }
        let mut segments = path.split('/');
        let mut patterns = self.weight.path.split('/').peekable();
        while let Some(pattern) = patterns.next() {
            let Some(segment) = segments.next() else { return false };
            let ends_the_prefix = self.is_prefix && patterns.peek().is_none();
            let fits =
                pattern == "+" || pattern == segment || (ends_the_prefix && segment.starts_with(pattern));
            if !fits {
                return false;
            }
        }
        self.is_prefix || segments.next().is_none()
    }

    /// Whether it counts before a path that ends in `*` and begins so, where both fit.
    pub(super) fn beats(&self, prefix: &str) -> bool {
        let Weight { first_wildcard, whole, plusses, .. } = &self.weight;
        let is_plain = plusses.0 == 0;
        *first_wildcard > prefix.len() || (*first_wildcard == prefix.len() && (*whole || is_plain))
    }

    /// Whether it can fit paths below this one, which ends in a slash.
    pub(super) fn reaches_below(&self, folder: &str) -> bool {
        let mut patterns = self.weight.path.split('/');
        let mut segments = folder.strip_suffix('/').unwrap_or(folder).split('/');
        segments.all(|segment| patterns.next().is_some_and(|pattern| pattern == "+" || pattern == segment))
    }
}

#[cfg(test)]
mod tests;
