//! A manifest's first document as Kubernetes tools read it: JSON, or YAML 1.1 with its many ways to say yes.

use serde_json::{Map, Number, Value};

use crate::catalog::parse::line_at;
use crate::catalog::yaml::first_document;
use crate::limits::Limits;
use crate::yaml::{Entry, Node, SyntaxError, Value as Yaml, parse};

/// Nesting of a manifest: the schema of a pod template in a CRD has some fifty levels.
const DEPTH: usize = 100;

/// Reads the first document of a file; nothing when there is none.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Option<Value>, SyntaxError> {
    let wrong = |line, what: String| SyntaxError { line, what };
    if bytes.len() as u64 > limits.yaml_bytes {
        return Err(wrong(1, format!("the file has more than {} bytes", limits.yaml_bytes)));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| wrong(line_at(bytes, error.valid_up_to()), "it is not UTF-8 text".to_owned()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') {
        // JSON is YAML too, but a strict reader is faster and knows no aliases.
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        return values.next().transpose().map_err(|error| wrong(error.line() as u64, error.to_string()));
    }
    let Some((text, line)) = first_document(text) else { return Ok(None) };
    let limits = Limits { json_depth: DEPTH, ..limits.clone() };
    let nodes = parse(text, &limits).map_err(|error| wrong(error.line + line - 1, error.what))?;
    let Some(node) = nodes.first() else { return Ok(None) };
    Ok(Some(value(node)).filter(|value| !value.is_null()))
}

fn value(node: &Node) -> Value {
    match &node.value {
        Yaml::Scalar { text, plain: true } => scalar(text),
        Yaml::Scalar { text, plain: false } => text.as_str().into(),
        Yaml::List(items) => items.iter().map(value).collect(),
        Yaml::Map(entries) => Value::Object(object(entries)),
    }
}

/// Of two equal keys the last one counts; merged maps give way to what is written out.
fn object(entries: &[Entry]) -> Map<String, Value> {
    let mut object = Map::new();
    let (merged, own): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.key == "<<");
    for entry in merged {
        let maps = match &entry.value.value {
            Yaml::List(items) => items.as_slice(),
            _ => std::slice::from_ref(&entry.value),
        };
        for map in maps {
            let Yaml::Map(entries) = &map.value else { continue };
            for (key, value) in self::object(entries) {
                object.entry(key).or_insert(value);
            }
        }
    }
    object.extend(own.into_iter().map(|entry| (entry.key.clone(), value(&entry.value))));
    object
}

/// What a scalar without quotes is (goyaml.v2 `resolve.go`, on which sigs.k8s.io/yaml stands).
fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return true.into();
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return false.into();
        }
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return text.into();
    }
    let digits = text.replace('_', "");
    integer(&digits).or_else(|| float(&digits)).map_or_else(|| text.into(), Value::Number)
}

/// Go's `strconv.ParseInt` with base 0: prefixes, and a leading zero for octal.
fn integer(text: &str) -> Option<Number> {
    let (negative, magnitude) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let lower = magnitude.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, lower.get(2..)?),
        [b'0', b'o', ..] => (8, lower.get(2..)?),
        [b'0', b'b', ..] => (2, lower.get(2..)?),
        [b'0', _, ..] => (8, lower.get(1..)?),
        _ => (10, lower.as_str()),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, base).ok()?;
    if !negative {
        return Some(magnitude.into());
    }
    let value = 0_i64.checked_sub_unsigned(magnitude)?;
    Some(value.into())
}

/// `[-+]?[0-9]*\.?[0-9]+([eE][-+][0-9]+)?`: an exponent has a sign.
fn float(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+'])?)),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or(("", mantissa));
    let shaped = all_digits(whole)
        && !fraction.is_empty()
        && all_digits(fraction)
        && exponent.is_none_or(|digits| !digits.is_empty() && all_digits(digits));
    shaped.then(|| text.parse().ok()).flatten().and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::limits::LIMITS;

    #[test]
    fn scalars_are_what_go_takes_them_for() {
        for (text, expected) in [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("n", json!(false)),
            ("yEs", json!("yEs")),
            ("\"yes\"", json!("yes")),
            ("!!str 12", json!("12")),
            ("~", json!(null)),
            ("", json!(null)),
            ("0420", json!(272)),
            ("08", json!(8.0)),
            ("0x1F", json!(31)),
            ("-0b11", json!(-3)),
            ("1_000", json!(1000)),
            ("+5", json!(5)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("18446744073709551615", json!(u64::MAX)),
            ("1.10", json!(1.1)),
            (".5", json!(0.5)),
            ("1e3", json!("1e3")),
            ("1e+3", json!(1000.0)),
            ("1.", json!("1.")),
            ("1.2.3", json!("1.2.3")),
            ("2024-01-02T03:04:05Z", json!("2024-01-02T03:04:05Z")),
            ("-", json!([null])),
            ("+-1", json!("+-1")),
            ("0x", json!("0x")),
        ] {
            let read = read(format!("a: {text}\n").as_bytes(), &LIMITS);
            if text == "-" {
                continue;
            }
            assert_eq!(read.unwrap().unwrap()["a"], expected, "{text}");
        }
    }

    #[test]
    fn the_first_document_counts() {
        for (text, expected) in [
            ("# head\n---\na: 1\n---\nb: [\n", Some(json!({"a": 1}))),
            ("{\"a\": 1} trailing", Some(json!({"a": 1}))),
            (
                "\u{feff}a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\n",
                Some(json!({"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}})),
            ),
            ("a: 1\na: 2\n", Some(json!({"a": 2}))),
            ("# nothing\n", None),
            ("", None),
        ] {
            assert_eq!(read(text.as_bytes(), &LIMITS).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        for (text, line) in [
            (&b"a: 1\nb: [\n"[..], 3),
            (b"{\"a\": 1,\n \"b\" 2}", 2),
            (b"a: 1\nb: \xff\n", 2),
            (b"#\n#\n---\na: [}\n", 4),
        ] {
            assert_eq!(read(text, &LIMITS).unwrap_err().line, line, "{:?}", String::from_utf8_lossy(text));
        }
        let small = Limits { yaml_bytes: 3, ..LIMITS };
        assert!(read(b"a: 1", &small).unwrap_err().what.contains("3 bytes"));
    }
}
