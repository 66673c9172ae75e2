//! The program, started as a core starts it.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rustls_pki_types::CertificateDer;
use tempfile::TempDir;

use crate::core::{Core, Identity};
use crate::support::process::{Process, ROLEGATE, command_of};

/// By this a core tells that it is one.
pub(crate) const COOKIE: (&str, &str) = ("VAULT_BACKEND_PLUGIN", "6669da05-b1c8-4f49-97d9-c8e5bed98e20");

/// A plugin that has said its line.
pub(crate) struct Started {
    pub(crate) process: Process,
    pub(crate) identity: Identity,
    pub(crate) line: String,
    pub(crate) folder: TempDir,
}

impl Started {
    /// By its name alone.
    pub(crate) async fn new() -> Self {
        Self::with(&[], &[]).await
    }

    /// With these arguments, and these variables beside those of a core.
    pub(crate) async fn with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let (identity, folder) = (Identity::new(), tempfile::tempdir().unwrap());
        let usual = [
            COOKIE,
            ("PLUGIN_PROTOCOL_VERSIONS", "5"),
            ("PLUGIN_CLIENT_CERT", &identity.pem),
            ("TMPDIR", folder.path().to_str().unwrap()),
        ];
        let process = spawn(arguments, &[&usual, variables].concat());
        let Some(line) = process.stdout.wait_for(|_| true).await else {
            process.stderr.to_end().await;
            process.fail("no line on standard output")
        };
        Self { process, identity, line, folder }
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.field(3).into()
    }

    /// Its certificate.
    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        STANDARD_NO_PAD.decode(self.field(5)).unwrap().into()
    }

    pub(crate) async fn connect(&self) -> Core {
        Core::connect(&self.identity, &self.socket(), &self.certificate()).await
    }

    /// What it has left of its own, after its end.
    pub(crate) fn left(&self) -> Vec<PathBuf> {
        files(self.folder.path())
    }

    fn field(&self, number: usize) -> &str {
        self.line.split('|').nth(number).unwrap()
    }
}

pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The program with exactly these variables.
pub(crate) fn spawn(arguments: &[&str], variables: &[(&str, &str)]) -> Process {
    let mut command = command_of(env!("CARGO_BIN_EXE_rolegate"));
    command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin").envs(variables.iter().copied());
    Process::spawn(ROLEGATE, command)
}
