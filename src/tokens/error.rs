//! Why something could not be done with a token.

use crate::core::client_token::encoding::Unreadable;
use crate::core::client_token::seal::SealError;
use crate::ports::NoRandom;
use crate::ports::store::StoreError;

/// Why something could not be done with a token. That there is no such token is no error.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There are no random bytes to make a token of.
    #[error(transparent)]
    Random(#[from] NoRandom),
    /// The same token is being changed too often, or for too long.
    #[error("too many want to change the same token")]
    Busy,
    /// There is a token with this text.
    #[error("a token with this ID exists already")]
    Taken,
    /// This text cannot be that of a token.
    #[error("this text cannot be a token")]
    Unfit,
    /// The parent has gone in the meantime.
    #[error("the parent token is not there any more")]
    ParentGone,
    /// The parent has as many ancestors as a token may have.
    #[error("the token would have too many ancestors")]
    TooDeep,
    /// A batch token could not be made.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The store holds something under a token's name that is none.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}
