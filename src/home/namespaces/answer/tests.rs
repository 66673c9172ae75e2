//! Lines of a watch as they come.

use bytes::Bytes;
use serde_json::json;

use super::{Change, End, LINE, Lines};

/// What the lines say that a stream of these parts has, and how it ends.
fn read(parts: &[&[u8]]) -> Result<Vec<(Change, String)>, End> {
    let (mut lines, mut all) = (Lines::default(), Vec::new());
    for part in parts {
        lines.push(&Bytes::copy_from_slice(part))?;
        while let Some(event) = lines.next()? {
            let (change, object) = event.read()?;
            all.push((change, object.version()?));
        }
    }
    lines.end()?;
    Ok(all)
}

fn line(kind: &str, version: &str) -> String {
    let object = json!({ "metadata": { "name": "shop", "resourceVersion": version } });
    format!("{}\n", json!({ "type": kind, "object": object }))
}

#[test]
fn a_stream_says_the_same_however_it_is_cut() {
    let stream = [line("ADDED", "1"), line("MODIFIED", "2"), line("DELETED", "3"), line("BOOKMARK", "4")];
    let stream = stream.concat().into_bytes();
    let expected = [Change::Set, Change::Set, Change::Removed, Change::None];
    let expected: Vec<(Change, String)> =
        expected.into_iter().zip(["1", "2", "3", "4"].map(String::from)).collect();
    for cut in 0..stream.len() {
        let (one, other) = stream.split_at(cut);
        assert_eq!(read(&[one, other]).unwrap(), expected, "{cut}");
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(read(&bytes).unwrap(), expected);
}

#[test]
fn what_is_no_whole_event_ends_the_watch() {
    let expired = json!({ "type": "ERROR", "object": { "kind": "Status", "code": 410, "metadata": {} } });
    let cases = [
        (format!("{expired}\n"), End::Expired),
        (line("ODD", "1"), End::unread()),
        (line("ADDED", ""), End::unread()),
        (line("ADDED", "1&watch=false"), End::unread()),
        ("{}\n".to_owned(), End::unread()),
        ("{\"type\"".to_owned(), End::lost("a watch ends within a line")),
    ];
    for (stream, expected) in cases {
        assert_eq!(read(&[stream.as_bytes()]), Err(expected), "{stream}");
    }
    let long = vec![b' '; LINE];
    assert!(read(&[&long, b" "]).is_err_and(|end| end.sentence().contains("too long")));
}
