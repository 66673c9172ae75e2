//! Each claim of docs/security.md stands beside a test that exists.
#![expect(clippy::unwrap_used, reason = "a file that cannot be read is a failed test")]

use std::collections::BTreeSet;
use std::path::Path;

/// Adds the names of the tests in all sources below a folder.
fn add_tests_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add_tests_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                    is_test = true;
                } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test) {
                    found.insert(rest.split('(').next().unwrap_or_default().to_owned());
                    is_test = false;
                }
            }
        }
    }
}

#[test]
fn every_claim_stands_beside_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let mut known = BTreeSet::new();
    ["src", "tests"].iter().for_each(|folder| add_tests_below(&root.join(folder), &mut known));

    let mut claims = 0;
    let mut is_claims = false;
    for line in page.lines() {
        let Some(cells) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) else {
            is_claims &= line.starts_with("|---");
            continue;
        };
        let last = cells.rsplit(" | ").next().unwrap_or_default();
        if last == "test" {
            is_claims = true;
        } else if is_claims {
            let tests: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
            assert!(!tests.is_empty(), "no test stands beside: {line}");
            for test in tests {
                assert!(known.contains(test), "`{test}` does not exist, but stands beside: {line}");
            }
            claims += 1;
        }
    }
    assert!(claims > 70, "the tables of claims were not found: {claims}");
}
