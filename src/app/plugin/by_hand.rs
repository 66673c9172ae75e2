//! What to type, for someone who has started `rolegate plugin` by hand.

use std::path::Path;

use crate::core::hex::hex;

/// The commands that make a core start this program, with the SHA-256 of the program's file.
pub fn hints(program: &Path) -> String {
    let name = program.file_name().map_or_else(|| "rolegate".into(), |name| name.to_string_lossy());
    let sha256 = match std::fs::read(program) {
        Ok(content) => hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &content).as_ref()),
        Err(error) => format!("<{error}>"),
    };
    format!(
        "`{name} plugin` is started by OpenBao or Vault, not by hand. Put this file into the directory that the server's \
`plugin_directory` names, and type:

    bao plugin register -sha256={sha256} -command={name} -args=plugin auth kubernetes
    bao auth enable kubernetes

With Vault it is `vault` instead of `bao`.
"
    )
}
