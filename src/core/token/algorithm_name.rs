//! The text of `alg`, for people: [`UnverifiedToken::algorithm`] keeps only what is supported.

use super::{UnverifiedToken, decode};
use crate::core::json::Document;

impl UnverifiedToken<'_> {
    /// `alg` as the header has it; none where it has none or it is no text. Reads the header again.
    pub fn algorithm_name(&self) -> Option<String> {
        let header = decode(self.signed_part().split('.').next()?).ok()?;
        let document = Document::parse(&header).ok()?;
        let (_, value) = document.value().members().find(|(key, _)| &**key == "alg")?;
        value.as_text().map(|name| name.to_string())
    }
}
