//! The root token that an operator gives.

use super::issue::is_fit;
use super::kept::{TRIES, expiry_key, mark};
use super::{Tokens, TokensError, random};
use crate::core::client_token::{ClientToken, TokenDigest, TokenKind};
use crate::core::secret::Secret;
use crate::ports::store::Expect;

/// What has become of the root token that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// It was made.
    Made,
    /// It is there from an earlier start.
    There,
    /// It was there and has been revoked; it stays revoked. Another text makes another token.
    Revoked,
}

/// At the end of time: never due, and by being there it says that a token with this digest was given before.
const NEVER: i64 = i64::MAX;

impl Tokens {
    /// Makes the root token with this text, unless it was made before.
    ///
    /// # Errors
    /// Where the text cannot be a token's, another token has it, or the store fails.
    pub async fn ensure_root(&self, token: &Secret) -> Result<Root, TokensError> {
        if !is_fit(token.expose()) {
            return Err(TokensError::Unfit);
        }
        let digest = TokenDigest::of(token.expose());
        let given = expiry_key(NEVER, &digest);
        for _ in 0..TRIES {
            // Asked for first: another replica may make the token between the two questions.
            let was_given = self.world.store.get(&given).await?.is_some();
            if let Some(kept) = self.kept(&digest).await? {
                return if kept.record.is_root() { Ok(Root::There) } else { Err(TokensError::Taken) };
            }
            if was_given {
                return Ok(Root::Revoked);
            }
            let record = root(random::accessor(&*self.world.random, self.moment())?, self.now());
            match self.keep(token, &record, vec![mark(given.clone(), Expect::Absent)]).await {
                Ok(()) => return Ok(Root::Made),
                // Another replica was faster.
                Err(TokensError::Taken) => {}
                Err(error) => return Err(error),
            }
        }
        Err(TokensError::Busy)
    }
}

fn root(accessor: String, created: i64) -> ClientToken {
    ClientToken {
        kind: TokenKind::Service,
        accessor,
        parent: None,
        policies: vec!["root".to_owned()],
        path: "auth/token/create".to_owned(),
        meta: None,
        display_name: "token".to_owned(),
        num_uses: 0,
        created,
        creation_ttl: 0,
        expires: None,
        explicit_max_ttl: 0,
        period: 0,
        entity_id: String::new(),
        renewable: false,
        bound_cidrs: vec![],
        last_renewal: None,
        indexed: None,
        login: None,
    }
}
