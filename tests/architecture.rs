//! The house is as it says: layers import only downwards, the core meets no runtime, files are short and introduced.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a source that cannot be read is a failed test"
)]

mod architecture {
    pub(crate) mod layers;
    pub(crate) mod log_lines;
    pub(crate) mod rust_text;
}

use std::fs;
use std::path::{Path, PathBuf};

use architecture::layers::LAYERS;
use architecture::log_lines::without_message;
use architecture::rust_text::paths;

/// What the core must not touch of the standard library: time, files, processes, threads, sockets.
const WORLD: [&str; 13] = [
    "std::env",
    "std::fs",
    "std::os",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "UnixDatagram",
    "UnixListener",
    "UnixStream",
];

/// The longest a file may be, tests in it included; files of tests have the same measure for themselves.
const LONGEST: usize = 300;

#[test]
fn the_sources_keep_to_the_layers() {
    let packages = packages(&read(&root().join("Cargo.toml")));
    assert!(packages.iter().any(|package| package == "tokio"), "{packages:?}");
    let faults: Vec<String> = sources().iter().flat_map(|source| faults(source, &packages)).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_file_is_short_and_says_what_it_is() {
    let faults: Vec<String> = sources().iter().filter_map(shape).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_line_of_the_log_has_a_message() {
    for source in sources() {
        assert_eq!(without_message(&source.text), [""; 0], "{}", source.path.display());
    }
    let found = |text| without_message(text).len();
    assert_eq!(
        found(r#"tracing::warn!(subject = self.subject, SENTENCE); tracing::info!(a = f("x, y"))"#),
        2
    );
    assert_eq!(
        found(r#"tracing::warn!(a, "b {c}"); tracing::error!(a = f(")"), "{}", d); tracing::debug!("e")"#),
        0
    );
}

#[test]
fn what_breaks_the_rules_is_found() {
    let packages = ["tokio", "serde", "kube"].map(str::to_owned);
    let found = |module: &str, text: &str| {
        let module = module.split('/').map(str::to_owned).collect();
        faults(&Source { path: "made/up.rs".into(), module, text: text.to_owned() }, &packages).len()
    };
    for (module, text) in [
        ("core/token", "use crate::gate::Gate;"),
        ("core/token", "use super::super::gate::Gate;"),
        ("core/token", "fn f() -> crate::gate::Gate { panic!() }"),
        ("core/token", "use crate::{core::role, gate};"),
        ("core/token", "use tokio::sync::Mutex;"),
        ("core/token", "use tokio as runtime;"),
        ("core/token", "#[tokio::main] async fn f() {}"),
        ("core/token", "use std::{fmt, fs::File};"),
        ("core/token", "use std::net::{IpAddr, TcpStream};"),
        ("core/token", "let now = std::time::SystemTime::now();"),
        ("ports", "use serde::Serialize;"),
        ("doors/envoy/door", "use crate::verify::Verifier;"),
        ("doors/envoy/door", "use super::super::super::store::Store;"),
        ("store", "use crate::{doors::{ops}};"),
        ("elsewhere", ""),
    ] {
        assert_eq!(found(module, text), 1, "{module}: {text}");
    }
    for (module, text) in [
        ("core/token/claims", "use super::super::role::Role; use crate::core::role; use super::json;"),
        ("core/token", "use std::net::IpAddr; use serde::Serialize;"),
        (
            "core/token",
            "// use tokio::sync;\n/* crate::gate */ const A: &str = \"crate::gate \\\" tokio::x\";",
        ),
        ("core/token", "const A: &str = r#\"tokio::x \"crate::gate\"#; const B: char = '\"';"),
        (
            "core/token",
            "fn f<'a>(tokio: &'a str) {}\n#[cfg(test)]\nmod tests { use tokio::x; use crate::gate; }",
        ),
        ("core/token/tests", "use tokio::sync;"),
        ("doors/envoy/door", "use crate::gate::Gate; use tokio::sync; use super::answer;"),
        ("main", "use rolegate::app;"),
    ] {
        assert_eq!(found(module, text), 0, "{module}: {text}");
    }
    let long =
        Source { path: "a.rs".into(), module: vec![], text: format!("//! A.\n{}", "\n".repeat(LONGEST)) };
    assert!(shape(&long).is_some());
    assert!(shape(&Source { text: "fn main() {}".to_owned(), ..long }).is_some());
}

/// One file of `src/`.
struct Source {
    path: PathBuf,
    /// Its module path, `core/token/claims`.
    module: Vec<String>,
    text: String,
}

/// What the file uses and must not.
fn faults(source: &Source, packages: &[String]) -> Vec<String> {
    let path = source.path.display();
    let top = source.module.first().map_or("", String::as_str);
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == top) else {
        return vec![format!("{path}: `{top}` has no place among the layers")];
    };
    // Tests may use what they like; by the house's style they come last.
    let is_test = source.module.iter().any(|part| part == "tests");
    let text = if is_test { "" } else { source.text.split("#[cfg(test)]\nmod tests").next().unwrap() };
    let mut faults = Vec::new();
    for used in paths(text) {
        let first = used.first().map_or("", String::as_str);
        let ups = used.iter().take_while(|part| *part == "super").count();
        let inside = match first {
            "crate" | "rolegate" => used.get(1),
            "super" if ups >= source.module.len() => used.get(ups),
            _ => None,
        };
        let whole = used.join("::");
        if let Some(other) = inside.filter(|other| *other != top && !layer.below.contains(&other.as_str())) {
            faults.push(format!("{path}: `{top}` must not use `{other}`: {whole}"));
        }
        let foreign = packages.iter().any(|package| package == first);
        if foreign && layer.packages.is_some_and(|allowed| !allowed.contains(&first)) {
            faults.push(format!("{path}: `{top}` must not use the package `{first}`: {whole}"));
        }
        let worldly = |word: &&str| whole.starts_with(*word) || used.iter().any(|part| part == word);
        if top == "core" && WORLD.iter().any(worldly) {
            faults.push(format!("{path}: the core must not meet the world: {whole}"));
        }
    }
    faults
}

/// What is wrong with the file's length or first line.
fn shape(source: &Source) -> Option<String> {
    let lines = source.text.lines().count();
    if lines > LONGEST {
        return Some(format!("{}: {lines} lines, more than {LONGEST}", source.path.display()));
    }
    (!source.text.starts_with("//! ")).then(|| format!("{}: no `//!` line at the top", source.path.display()))
}

/// The names under `[dependencies]`, as sources write them.
fn packages(manifest: &str) -> Vec<String> {
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    section
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.replace('-', "_"))
        .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file of `src/` but the library's root, which only lists the modules.
fn sources() -> Vec<Source> {
    let src = root().join("src");
    let (mut found, mut folders) = (Vec::new(), vec![src.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && path != src.join("lib.rs") {
                let name = path.strip_prefix(&src).unwrap().with_extension("");
                let mut module: Vec<String> =
                    name.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
                module.pop_if(|last| last == "mod");
                found.push(Source { text: read(&path), path, module });
            }
        }
    }
    assert!(found.len() > 30, "only {} sources", found.len());
    found
}
