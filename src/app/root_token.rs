//! The root token: the operator's, or at the first start of an embedded store one that is made and put into a file.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::{Shared, StartError};
use crate::config::{ConfigError, Store as Named};
use crate::core::secret::Secret;
use crate::ports::store::{Kind, Store};
use crate::tokens::{Root, Tokens, TokensError};

/// The file in the store's directory.
const FILE: &str = "root-token";

/// More than any token has.
const MAX_BYTES: u64 = 64 * 1024;

/// Why there is no root token.
#[derive(Debug, thiserror::Error)]
pub enum RootTokenError {
    /// The file in the store's directory cannot be read or written.
    #[error("the root token's file `{0}` cannot be used")]
    File(PathBuf, #[source] std::io::Error),
    /// The store does not take it.
    #[error("the root token cannot be kept")]
    Tokens(#[from] TokensError),
}

/// The root token that is to be there: that of the environment, of `root_token_file`, or of an embedded store.
pub(super) async fn given(
    shared: &Shared,
    store: &dyn Store,
    config_file: &Path,
    named: &Named,
    file: Option<&Path>,
    environment: Option<Secret>,
) -> Result<Option<Secret>, StartError> {
    Ok(match (environment, file) {
        (Some(token), _) => Some(token),
        (None, Some(path)) => Some(read(path).map_err(|cause| {
            let expected = format!("expected a file with a token, `{}`: {cause}", path.display());
            ConfigError::new(config_file, "root_token_file", expected)
        })?),
        (None, None) => match named {
            Named::Embedded { path, .. } => of_directory(shared, store, &path.join(FILE)).await?,
            _ => None,
        },
    })
}

/// Tells who administers where no root token is given.
pub(super) fn say_none(store: &Named, has_home: bool) {
    match store {
        _ if has_home => {
            tracing::info!(
                "no root token is given: users of the home cluster administer, as its RBAC allows"
            );
        }
        Named::Embedded { .. } => {
            tracing::warn!(
                "no root token is given: only tokens that are in the store administer the Vault door"
            );
        }
        _ => tracing::warn!("no root token is given: nobody can administer the Vault door"),
    }
}

/// Keeps a root token that is given.
pub(super) async fn keep(tokens: &Tokens, token: &Secret) -> Result<(), StartError> {
    let root = tokens.ensure_root(token).await.map_err(RootTokenError::from)?;
    if root == Root::Revoked {
        tracing::warn!("the root token that is given has been revoked, and stays so");
    }
    Ok(())
}

/// The token in the directory's file; made, where the store has never had a root token.
async fn of_directory(shared: &Shared, store: &dyn Store, path: &Path) -> Result<Option<Secret>, StartError> {
    let wrong = |error| StartError::from(RootTokenError::File(path.to_owned(), error));
    match read(path) {
        Ok(token) => return Ok(Some(token)),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(wrong(error)),
    }
    // Every root token leaves a mark there for ever, which other tokens do only while they live.
    if store.count(Kind::Expiry).await.map_err(|error| RootTokenError::Tokens(error.into()))? > 0 {
        return Ok(None);
    }
    let mut random = [0; 32];
    shared.random.fill(&mut random).map_err(|error| RootTokenError::Tokens(error.into()))?;
    let token = Secret::from(format!("hvs.{}", BASE64_URL_SAFE_NO_PAD.encode(random)));
    write(path, &token).map_err(wrong)?;
    tracing::info!(file = %path.display(), "a root token was made; its file is for its owner alone");
    Ok(Some(token))
}

fn read(path: &Path) -> std::io::Result<Secret> {
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES).read_to_string(&mut text)?;
    match text.trim() {
        "" => Err(std::io::Error::new(ErrorKind::InvalidData, "the file is empty")),
        token => Ok(Secret::from(token.to_owned())),
    }
}

/// A new file that only its owner can read, on the disk before the token is of any use.
fn write(path: &Path, token: &Secret) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(token.expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}
