//! Tables for what opm does with a text, and any value against the printer of serde_json.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn laid_out(json: &str, layout: &'static Layout, members: Members) -> String {
    let mut out = Vec::new();
    write(json, layout, members, &mut out);
    String::from_utf8(out).unwrap()
}

fn plain(json: &str) -> String {
    laid_out(json, &Layout::PLAIN, Members::ByName)
}

fn compact(json: &str, schema: &str) -> String {
    let text = laid_out(json, Layout::of_schema(schema), Members::ByName);
    text.lines().map(str::trim_start).collect::<String>().replace("\": ", "\":")
}

#[test]
fn tokens_keep_their_digits() {
    let json = r#" {"a" : [1.10,12345678901234567890123,-0,1e400],"b":{},"c":[ ],"d":"\u003c\/\"é\u00e9","e":"\ud800","f":[[],{"g":null}]} "#;
    let expected = r#"{
    "a": [
        1.10,
        12345678901234567890123,
        -0,
        1e400
    ],
    "b": {},
    "c": [],
    "d": "</\"éé",
    "e": "\ud800",
    "f": [
        [],
        {
            "g": null
        }
    ]
}"#;
    assert_eq!(plain(json), expected);
    assert_eq!(plain(expected), expected);
}

/// `encoding/json` with `SetEscapeHTML(false)`.
#[test]
fn strings_have_the_escapes_of_go() {
    for (written, expected) in [
        (r#""\u0041\u00e9\uD83D\uDE00""#, "\"Aé😀\""),
        (r#""\b\f\n\r\t\u0008\u000C\u000a\u000d\u0009""#, r#""\b\f\n\r\t\b\f\n\r\t""#),
        (r#""\u0000\u001F\u007f""#, "\"\\u0000\\u001f\u{7f}\""),
        (r#""\u0022\u005c\u002F\/""#, r#""\"\\//""#),
        ("\"a\u{2028}b\u{2029}c\u{201c}\"", "\"a\\u2028b\\u2029c\u{201c}\""),
        (r#""\u2028\u2029""#, r#""\u2028\u2029""#),
        (r#""<&>\u003c""#, r#""<&><""#),
        (r#""\udc00\ud83d\u0041\ud83dx""#, r#""\udc00\ud83dA\ud83dx""#),
    ] {
        assert_eq!(plain(written), expected, "{written}");
        assert_eq!(plain(expected), expected);
    }
}

#[test]
fn members_come_by_name_and_of_two_the_last_counts() {
    let json = r#"{"b":1,"a":{"z":1,"é":2,"\u0041":3,"A":4},"b":2,"a\"":5}"#;
    let text: String = plain(json).split_whitespace().collect();
    assert_eq!(text, r#"{"a":{"A":4,"z":1,"é":2},"a\"":5,"b":2}"#);
    let as_written = laid_out(json, &Layout::PLAIN, Members::AsWritten);
    assert_eq!(
        as_written.split_whitespace().collect::<String>(),
        r#"{"b":1,"a":{"z":1,"é":2,"A":3,"A":4},"b":2,"a\"":5}"#
    );
}

#[test]
fn a_blob_has_the_fields_of_opm_in_their_order() {
    for (schema, json, expected) in [
        (
            "olm.bundle",
            r#"{"zz":1,"relatedImages":[{"image":"b","name":"2"},{"image":"a"},{"x":0,"name":"1","image":"b"}],
                "Name":"b","aa":2,"properties":[{"type":"olm.csv.metadata","value":{"b":1,"a":2}},{"x":0,"value":3,"type":"t"},
                {"type":"olm.bundle.object"},{"type":"s","value":[]}],"schema":"olm.bundle","name":"c"}"#,
            r#"{"schema":"olm.bundle","name":"c","package":"","image":"","properties":[{"type":"t","value":3,"x":0},{"type":"s","value":[]},{"type":"olm.csv.metadata","value":{"a":2,"b":1}},{"type":"olm.bundle.object","value":null}],"relatedImages":[{"name":"","image":"a"},{"name":"2","image":"b"},{"name":"1","image":"b","x":0}],"aa":2,"zz":1}"#,
        ),
        (
            "olm.package",
            r#"{"description":"","icon":null,"properties":[],"name":"p","schema":"olm.package"}"#,
            r#"{"schema":"olm.package","name":"p","defaultChannel":""}"#,
        ),
        (
            "olm.package",
            r#"{"schema":"olm.package","name":"p","defaultChannel":null,"icon":{"mediatype":"image/png"},"description":"d"}"#,
            r#"{"schema":"olm.package","name":"p","defaultChannel":"","icon":{"base64data":"","mediatype":"image/png"},"description":"d"}"#,
        ),
        (
            "olm.channel",
            r#"{"schema":"olm.channel","name":"c","entries":[{"skips":[],"skipRange":"<1","replaces":"","name":"a"},{"replaces":"a","name":"b","skips":["z","y"]}]}"#,
            r#"{"schema":"olm.channel","name":"c","package":"","entries":[{"name":"a","skipRange":"<1"},{"name":"b","replaces":"a","skips":["z","y"]}]}"#,
        ),
        (
            "olm.channel",
            r#"{"schema":"olm.channel"}"#,
            r#"{"schema":"olm.channel","name":"","package":"","entries":null}"#,
        ),
        (
            "olm.deprecations",
            r#"{"entries":[{"message":"m","reference":{"name":"","schema":"olm.package"}}],"package":"p","schema":"olm.deprecations"}"#,
            r#"{"schema":"olm.deprecations","package":"p","entries":[{"reference":{"schema":"olm.package"},"message":"m"}]}"#,
        ),
        ("x", r#"{"schema":"x","name":"","b":[],"a":null}"#, r#"{"a":null,"b":[],"name":"","schema":"x"}"#),
    ] {
        assert_eq!(compact(json, schema), expected);
        assert_eq!(compact(expected, schema), expected, "not stable");
    }
}

#[test]
fn values_that_were_made_stay_in_the_order_of_their_making() {
    let json = r#"{"schema":"olm.bundle","name":"b","package":"p","image":"i","properties":[{"type":"t","value":{"b":1,"a":2}}]}"#;
    let text = laid_out(json, Layout::of_schema("olm.bundle"), Members::AsWritten);
    assert_eq!(text.lines().map(str::trim_start).collect::<String>().replace("\": ", "\":"), json);
}

/// Indentation must not make much of little.
#[test]
fn deep_values_stay_on_one_line_and_long_ones_are_not_blown_up() {
    let deep = format!("{}{{\"b\": 1, \"a\": \"\\u0041\"}}{}", "[".repeat(100_000), "]".repeat(100_000));
    let text = plain(&deep);
    assert!(text.len() < deep.len() + 3 * DEPTH * DEPTH * 4, "{}", text.len());
    assert!(text.contains(r#"[[[[{"b":1,"a":"A"}]]]]"#));

    let broad = format!("{}{}0{}", "[".repeat(DEPTH - 1), "0,".repeat(2_000_000), "]".repeat(DEPTH - 1));
    assert_eq!(plain(&broad), broad);
}

#[test]
fn text_that_is_no_json_ends() {
    for text in [
        "{",
        "[1",
        "\"a",
        "\"\\",
        "\"\\u12",
        "]",
        "}",
        ",",
        "{\"a\"",
        "{\"a\":}",
        "nul",
        "{]",
        "\"\\ud83d\\u",
    ] {
        plain(text);
        compact(text, "olm.bundle");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// serde_json's own printer, which sorts by name too, is the oracle; it leaves line separators as they are.
fn printed(value: &Value) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    serde::Serialize::serialize(value, &mut serializer).unwrap();
    String::from_utf8(out).unwrap().replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

proptest! {
    #[test]
    fn any_value_is_laid_out_as_a_tree(value in any_json()) {
        prop_assert_eq!(plain(&value.to_string()), printed(&value));
    }

    /// Whatever the fields of a blob are, its text is stable and nothing but what opm drops is lost.
    #[test]
    fn any_blob_is_stable(value in any_json(), schema in prop::sample::select(vec!["olm.package", "olm.bundle", "olm.channel", "x"])) {
        let fields = ["schema", "name", "properties", "relatedImages", "entries", "other"];
        let blob = Value::Object(fields.iter().map(|field| ((*field).to_owned(), value.clone())).collect());
        let text = laid_out(&blob.to_string(), Layout::of_schema(schema), Members::ByName);
        let again: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&again["other"], &value);
        prop_assert_eq!(laid_out(&text, Layout::of_schema(schema), Members::ByName), text);
    }

    #[test]
    fn any_text_ends(text in ".{0,40}") {
        compact(&text, "olm.bundle");
    }
}
