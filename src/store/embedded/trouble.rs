//! What goes wrong in the database.

use std::io;
use std::sync::Arc;

use super::layout::Damaged;
use super::seal::SealError;
use crate::ports::store::StoreError;

/// Why the database did not do what it was asked. Cheap to clone, for all whose commits share a transaction.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Trouble {
    #[error("the database")]
    Database(#[source] Arc<redb::Error>),
    #[error("the disk")]
    Disk(#[source] Arc<io::Error>),
    #[error(transparent)]
    Damaged(#[from] Damaged),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("the writer of the store has ended")]
    Ended,
    #[error("the disk has not answered in time")]
    Late,
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        Self::Failed(Box::new(trouble))
    }
}

/// Every error of the database's steps is the one error of the database.
macro_rules! from {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for Trouble {
            fn from(error: redb::$error) -> Self {
                Self::Database(Arc::new(error.into()))
            }
        })*
    };
}

from!(CommitError, DatabaseError, StorageError, TableError, TransactionError);
