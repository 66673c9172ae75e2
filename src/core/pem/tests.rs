//! Tests of the structure of PEM.

use proptest::prelude::*;

use super::{PemError, blocks};

const A: &str = "-----BEGIN A-----\nAAAA\n-----END A-----";
const B: &str = "-----BEGIN B C-----\nBBBB\nBBBB\n-----END B C-----";

fn labels(text: &str) -> Result<Vec<&str>, PemError> {
    Ok(blocks(text.as_bytes())?.into_iter().map(|block| block.label).collect())
}

#[test]
fn text_around_blocks_blanks_at_boundaries_and_line_ends_do_not_count() {
    for text in [
        format!("{A}\n{B}"),
        format!("# CAs of the house\n{A}\n\nsubject: x - BEGIN\n{B}\n -- \n"),
        format!("\u{feff}{A}\n{B}\n"),
        format!("{A}\n{B}\n").replace('\n', "\r\n"),
        format!("{A}\n{B}\n").replace('\n', " \t\n"),
        format!("{A}\n{B}\n").lines().map(|line| format!("  {line}\n")).collect(),
    ] {
        assert_eq!(labels(&text), Ok(vec!["A", "B C"]), "{text:?}");
        let contents: Vec<_> = blocks(text.as_bytes()).unwrap().iter().map(|block| block.decode()).collect();
        assert_eq!(contents, [Some(vec![0; 3]), Some(b"\x04\x10\x41\x04\x10\x41".to_vec())], "{text:?}");
    }
    for text in ["", " ", "bad", "----BEGIN A----\n"] {
        assert_eq!(labels(text), Ok(vec![]), "{text:?}");
    }
}

#[test]
fn a_boundary_that_shares_its_line_is_an_error() {
    for (text, line) in [
        (format!("{A}{B}"), 3),
        (format!("{A} {B}"), 3),
        (format!("{A}\t{B}"), 3),
        (format!("{A}\r{B}"), 3),
        (format!("{A}\u{a0}\n{B}"), 3),
        (format!("x{A}"), 1),
        (format!("{A}x"), 3),
        (format!("-{A}"), 1),
        (format!("{A}-"), 3),
        (A.replace('\n', " "), 1),
        (A.replace('\n', "\r"), 1),
        (A.replace("AAAA\n", "AAAA"), 2),
        (format!("the block -----BEGIN A----- follows\n{A}"), 1),
        ("-----BEGIN A\nAAAA\n-----END A-----".to_owned(), 1),
        ("-----BEGIN A----\nAAAA\n-----END A-----".to_owned(), 1),
        ("-----BEGIN-----\nAAAA\n-----END-----".to_owned(), 1),
        ("-----BEGIN -----\nAAAA\n-----END -----".to_owned(), 1),
        ("-----BEGIN A--B-----\n".to_owned(), 1),
        ("-----BEGIN \u{e4}-----\n".to_owned(), 1),
    ] {
        assert_eq!(labels(&text), Err(PemError::Boundary(line)), "{text:?}");
    }
}

#[test]
fn begin_and_end_come_in_pairs() {
    for (text, error) in [
        ("-----BEGIN A-----\nAAAA\n", PemError::Unterminated(1)),
        ("x\n-----BEGIN A-----", PemError::Unterminated(2)),
        ("-----BEGIN A-----\nAAAA\n----END A----\n", PemError::Unterminated(1)),
        ("-----BEGIN A-----\nAAAA\n-----END B-----\n", PemError::UnexpectedEnd(3)),
        ("-----END A-----\n", PemError::UnexpectedEnd(1)),
        ("-----BEGIN A-----\n-----BEGIN A-----\n-----END A-----\n", PemError::Nested(2)),
    ] {
        assert_eq!(labels(text), Err(error), "{text:?}");
    }
}

#[test]
fn headers_are_no_content_and_what_is_not_base64_has_none() {
    let decode = |body: &str| {
        let text = format!("-----BEGIN A-----\n{body}\n-----END A-----\n");
        blocks(text.as_bytes()).unwrap()[0].decode()
    };
    assert_eq!(decode("Proc-Type: 4,ENCRYPTED\nDEK-Info: DES\n\nAAAA"), Some(vec![0; 3]));
    assert_eq!(decode("Proc-Type: 4,ENCRYPTED\nAAAA"), Some(vec![]));
    assert_eq!(decode("AAA=\n"), Some(vec![0; 2]));
    for bad in ["AAA", "AA!A", "AAAA=", "AA:A\n\n!", "\u{e4}"] {
        assert_eq!(decode(bad), None, "{bad}");
    }
}

#[test]
fn a_block_does_not_show_its_content() {
    let found = blocks(B.as_bytes()).unwrap();
    assert_eq!(format!("{found:?}"), "[PemBlock { label: \"B C\", .. }]");
}

proptest! {
    #[test]
    fn no_boundary_is_lost_without_an_error(parts in prop::collection::vec(0_usize..9, 0..8)) {
        let pieces = ["\n", A, B, " ", "x", "-----", "-----BEGIN A-----\n", "-----END A-----\n", "AAAA\n"];
        let text: String = parts.iter().map(|part| pieces[*part]).collect();
        if let Ok(found) = labels(&text) {
            prop_assert_eq!(found.len(), text.matches("-----BEGIN").count());
            prop_assert_eq!(found.len(), text.matches("-----END").count());
        }
    }
}
