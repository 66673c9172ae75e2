//! Tests of reading policy text.

use proptest::prelude::*;

use super::{Item, Node, parse};

fn text(text: &str) -> Node {
    Node::Text(text.to_owned())
}

fn item(line: usize, keys: &[&str], value: Node) -> Item {
    Item { keys: keys.iter().map(|key| (*key).to_owned()).collect(), line, value }
}

#[test]
fn hcl_is_read_with_its_comments_commas_and_blocks() {
    let read = parse(
        r#"
        # one way to comment
        // another
        name = "x" /* and
        a third */ path "a/*" { list = ["one", 2, true, 1.5, ["in"],], "quoted" = -3 }, # several on one line
        path b { inner { a.b-c = "t" } }
        "#,
    );
    let list = Node::List(vec![
        text("one"),
        Node::Number("2".to_owned()),
        Node::Bool(true),
        Node::Number("1.5".to_owned()),
        Node::List(vec![text("in")]),
    ]);
    let first = vec![item(5, &["list"], list), item(5, &["quoted"], Node::Number("-3".to_owned()))];
    let inner = Node::Object(vec![item(6, &["a.b-c"], text("t"))]);
    let second = vec![item(6, &["inner"], inner)];
    assert_eq!(
        read,
        Ok(vec![
            item(4, &["name"], text("x")),
            item(5, &["path", "a/*"], Node::Object(first)),
            item(6, &["path", "b"], Node::Object(second)),
        ])
    );
}

#[test]
fn texts_say_what_they_say() {
    for (written, says) in [
        (r#""""#, ""),
        (r#""a\n\t\"\\é""#, "a\n\t\"\\é"),
        (r#""\x41\102\u00e9\U0001F600""#, "ABé\u{1f600}"),
        (
            r#""a ${b "c" {d}
 \n} e""#,
            "a ${b \"c\" {d}\n \\n} e",
        ),
        (r#""$ {} $""#, "$ {} $"),
        ("<<E\none\n two\nE\n", "one\n two\n"),
        ("<<E\r\none\r\n  E\r\n", "one\r\n"),
        ("<<-E\n  one\n   two\n  E\n", "one\n two\n"),
        ("<<-E\n one\n   two\n  E\n", " one\n   two\n"),
        ("<<E\nE", ""),
    ] {
        assert_eq!(parse(&format!("a = {written}")), Ok(vec![item(1, &["a"], text(says))]), "{written}");
    }
}

#[test]
fn json_is_read_as_the_same_tree() {
    let block = |path: &str, value: &str| {
        item(0, &["path", path], Node::Object(vec![item(0, &["policy"], text(value))]))
    };
    let one_and_two = vec![block("one", "read"), block("two", "deny")];
    for written in [
        r#"{"path": {"one": {"policy": "read"}, "two": {"policy": "deny"}}}"#,
        r#" {"path": [{"one": {"policy": "read"}}, {"two": {"policy": "deny"}}]}"#,
        r#"{"path": {"one": [{"policy": "read"}], "two": {"policy": "den\u0079"}}}"#,
    ] {
        assert_eq!(parse(written).as_ref(), Ok(&one_and_two), "{written}");
    }
    let values = r#"{"name": [1.50, null, {"a": false}]}"#;
    let list = vec![
        Node::Number("1.50".to_owned()),
        Node::Null,
        Node::Object(vec![item(0, &["a"], Node::Bool(false))]),
    ];
    assert_eq!(parse(values), Ok(vec![item(0, &["name"], Node::List(list))]));
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    for (written, told) in [
        ("hello", "At 1:6: key 'hello' expected start of object ('{') or assignment ('=')"),
        ("a {\n  b\n}", "At 3:1: key 'b' expected start of object ('{') or assignment ('=')"),
        ("a {", "At 1:4: object expected closing RBRACE got: EOF"),
        ("}", "At 1:1: expected: IDENT | STRING | ASSIGN | LBRACE got: RBRACE"),
        ("a {}}", "At 1:5: expected: IDENT | STRING | ASSIGN | LBRACE got: RBRACE"),
        ("{{}}", "not one JSON value"),
        ("= 1", "At 1:1: no object keys found!"),
        ("a b = 1", "At 1:5: nested object expected: LBRACE got: ASSIGN"),
        ("a = ", "At 1:5: expected a value got: EOF"),
        ("a = b", "At 1:5: expected a value got: IDENT"),
        ("a = [\"x\" \"y\"]", "At 1:10: error parsing list, expected comma or list end, got: STRING"),
        ("a = [x]", "At 1:6: unexpected token while parsing list: IDENT"),
        ("a = [1", "At 1:7: error parsing list, expected comma or list end, got: EOF"),
        ("a = \"x\ny\"", "At 1:5: literal not terminated"),
        ("é = \"x", "At 1:5: literal not terminated"),
        ("a = \"\\q\"", "At 1:5: illegal char escape"),
        ("a = \"\\xff\"", "At 1:5: illegal char escape"),
        ("a = \"\\ud800\"", "At 1:5: illegal char escape"),
        ("a = \"\\x4é\"", "At 1:5: illegal char escape"),
        ("/* a", "At 1:1: comment not terminated"),
        ("/*/", "At 1:1: comment not terminated"),
        ("/ a", "At 1:1: expected '/' for comment"),
        ("a = 1; b = 2", "At 1:6: illegal char"),
        ("\u{feff}a = 1", "At 1:1: illegal char"),
        ("a = 0x1f", "At 1:5: illegal number"),
        ("a = 010", "At 1:5: illegal number"),
        ("a = <<E\nb", "At 1:5: heredoc not terminated"),
        ("a = <<\nb", "At 1:5: invalid characters in heredoc anchor"),
        (
            "a = 1\na = 2",
            "At 2:1: the argument \"a\" was already set; each argument can only be defined once",
        ),
        ("{\"a\":1,\"a\":2}", "a key is there twice"),
        ("{", "not one JSON value"),
        ("[]", "At 1:1: expected: IDENT | STRING | ASSIGN | LBRACE got: LBRACK"),
    ] {
        assert_eq!(parse(written).map_err(|error| error.to_string()), Err(told.to_owned()), "{written}");
    }
}

#[test]
fn nesting_is_bounded() {
    let lists = |depth: usize| format!("a = {}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&lists(32)).is_ok());
    assert!(parse(&lists(33)).is_err());
    let blocks = |depth: usize| format!("{}{}", "a {".repeat(depth), "}".repeat(depth));
    assert!(parse(&blocks(32)).is_ok());
    assert!(parse(&blocks(100_000)).is_err());
    let json = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&json(32)).is_ok());
    assert!(parse(&json(5_000)).is_err());
}

proptest! {
    #[test]
    fn no_text_panics(written in "[a-c\"\\\\\\[\\]{}=,#/*<>$\n0-9.é-]{0,40}") {
        let _read = parse(&written);
    }

    #[test]
    fn every_text_can_be_quoted(says in "[^\"\\\\\n\0$]*") {
        prop_assert_eq!(parse(&format!("a=\"{says}\"")), Ok(vec![item(1, &["a"], Node::Text(says))]));
    }
}
