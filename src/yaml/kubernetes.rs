//! YAML as Kubernetes tools take it: by way of JSON, with the rules of YAML 1.1 as far as Go's library has them.
//!
//! Source of facts: kubernetes-sigs/yaml, `yaml.go` and `goyaml.v2/resolve.go`. Numbers to the base 60 are texts there, and so are
//! dates; a `<<` counts where it stands, so that what is written out after it wins.

use serde_json::{Map, Number, Value as Json};

use crate::yaml::{Entry, Node, SyntaxError, Value};

/// What two equal keys of one mapping mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubled {
    /// The document is wrong: readers disagree on which one counts.
    Refused,
    /// The last one counts, as for Kubernetes tools.
    LastCounts,
}

/// The JSON value that Kubernetes tools make of a document.
pub fn to_json(node: Node, doubled: Doubled) -> Result<Json, SyntaxError> {
    Ok(match node.value {
        Value::Scalar { text, plain: true } => scalar(text, node.line)?,
        Value::Scalar { text, plain: false } => text.into(),
        Value::List(items) => {
            Json::Array(items.into_iter().map(|item| to_json(item, doubled)).collect::<Result<_, _>>()?)
        }
        Value::Map(entries) => Json::Object(object(entries, doubled)?),
    })
}

fn object(entries: Vec<Entry>, doubled: Doubled) -> Result<Map<String, Json>, SyntaxError> {
    let mut object = Map::new();
    let mut own = std::collections::BTreeSet::new();
    for Entry { key, plain, line, value } in entries {
        if plain && key == "<<" {
            merge(&mut object, value, doubled)?;
            continue;
        }
        let key = if plain { key_text(key, line)? } else { key };
        if doubled == Doubled::Refused && !own.insert(key.clone()) {
            return Err(SyntaxError { line, what: format!("the key `{key}` stands twice in one mapping") });
        }
        object.insert(key, to_json(value, doubled)?);
    }
    Ok(object)
}

/// Takes in one mapping, or several of which the first one wins.
fn merge(object: &mut Map<String, Json>, node: Node, doubled: Doubled) -> Result<(), SyntaxError> {
    let line = node.line;
    let maps = match node.value {
        Value::Map(entries) => vec![entries],
        Value::List(items) => {
            let map = |item: Node| if let Value::Map(entries) = item.value { Some(entries) } else { None };
            items.into_iter().rev().map(map).collect::<Option<_>>().unwrap_or_default()
        }
        Value::Scalar { .. } => Vec::new(),
    };
    if maps.is_empty() {
        return Err(SyntaxError { line, what: "`<<` takes a mapping, or a list of mappings".to_owned() });
    }
    for entries in maps {
        object.extend(self::object(entries, doubled)?);
    }
    Ok(())
}

/// JSON has texts for keys only.
fn key_text(text: String, line: u64) -> Result<String, SyntaxError> {
    Ok(match scalar(text, line)? {
        Json::String(text) => text,
        Json::Bool(it) => it.to_string(),
        Json::Number(number) if number.is_i64() => number.to_string(),
        Json::Number(number) if number.is_f64() => float_key(number.as_f64().unwrap_or_default()),
        other => return Err(SyntaxError { line, what: format!("`{other}` cannot be a key") }),
    })
}

/// Go's `FormatFloat(key, 'g', -1, 32)`: shortest digits that a 32-bit reader needs; an exponent of two digits below 1e-4 and from
/// 1e6 on.
#[expect(clippy::cast_possible_truncation, reason = "this is how Go writes it")]
fn float_key(key: f64) -> String {
    let text = format!("{:e}", key as f32);
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    match exponent.parse::<i32>() {
        Ok(-4..=5) | Err(_) => (key as f32).to_string(),
        Ok(power) => {
            let sign = if power < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", power.unsigned_abs())
        }
    }
}

/// What a scalar without quotes is.
pub(super) fn scalar(text: String, line: u64) -> Result<Json, SyntaxError> {
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Json::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Ok(true.into());
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Ok(false.into());
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf"
        | "-.Inf" | "-.INF" => {
            let what = format!("`{text}` is a number that JSON has not got (put quotes around a text)");
            return Err(SyntaxError { line, what });
        }
        _ => {}
    }
    let number = match text.as_bytes().first() {
        Some(b'.') => float(&text),
        Some(b'0'..=b'9' | b'+' | b'-') => {
            let digits = text.replace('_', "");
            integer(&digits).or_else(|| float(&digits))
        }
        _ => None,
    };
    Ok(number.map_or_else(|| text.into(), Json::Number))
}

/// Go's `strconv.ParseInt` with base 0, or else `ParseUint`: prefixes, and a leading zero for octal.
fn integer(text: &str) -> Option<Number> {
    let (sign, magnitude) = match text.as_bytes().first()? {
        sign @ (b'-' | b'+') => (Some(*sign), text.get(1..)?),
        _ => (None, text),
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
    match sign {
        Some(b'-') => 0_i64.checked_sub_unsigned(magnitude).map(Number::from),
        // A number without sign may be larger than one with.
        Some(_) => i64::try_from(magnitude).ok().map(Number::from),
        None => Some(magnitude.into()),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn float(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix(['-', '+']).unwrap_or(exponent)),
        None => (unsigned, "0"),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let shaped = digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && !exponent.is_empty()
        && digits(exponent);
    // One that is too large is infinite, which Go takes for a text.
    shaped.then(|| text.parse().ok()).flatten().and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::limits::LIMITS;
    use crate::yaml::parse;

    fn read(text: &str, doubled: Doubled) -> Result<Json, SyntaxError> {
        to_json(parse(text, &LIMITS)?.remove(0), doubled)
    }

    #[test]
    fn scalars_are_what_go_takes_them_for() {
        for (text, expected) in [
            ("yes", json!(true)),
            ("Y", json!(true)),
            ("ON", json!(true)),
            ("True", json!(true)),
            ("Off", json!(false)),
            ("n", json!(false)),
            ("NO", json!(false)),
            ("yEs", json!("yEs")),
            ("oN", json!("oN")),
            ("\"yes\"", json!("yes")),
            ("'on'", json!("on")),
            ("!!str 12", json!("12")),
            ("!!str yes", json!("yes")),
            ("!!int \"12\"", json!(12)),
            ("!!bool \"yes\"", json!(true)),
            ("! 12", json!("12")),
            ("!custom 1", json!("1")),
            ("|\n  yes\n", json!("yes\n")),
            ("~", json!(null)),
            ("", json!(null)),
            ("Null", json!(null)),
            ("nUll", json!("nUll")),
            ("0", json!(0)),
            ("-0", json!(0)),
            ("0420", json!(272)),
            ("-0420", json!(-272)),
            ("0o17", json!(15)),
            ("08", json!(8.0)),
            ("0x1F", json!(31)),
            ("0x_1F", json!(31)),
            ("0b11", json!(3)),
            ("-0b11", json!(-3)),
            ("1_000", json!(1000)),
            ("1__0_", json!(10)),
            ("_1", json!("_1")),
            ("+5", json!(5)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("18446744073709551615", json!(u64::MAX)),
            ("+18446744073709551615", json!(18_446_744_073_709_551_615_f64)),
            ("18446744073709551616", json!(18_446_744_073_709_551_616_f64)),
            ("1.10", json!(1.1)),
            ("4.20", json!(4.2)),
            (".5", json!(0.5)),
            ("+.5", json!(0.5)),
            (".5_0", json!(".5_0")),
            ("1_0.5", json!(10.5)),
            ("1e3", json!(1000.0)),
            ("1e+3", json!(1000.0)),
            ("12e03", json!(12000.0)),
            ("1.", json!(1.0)),
            (".", json!(".")),
            ("1e", json!("1e")),
            ("1e999", json!("1e999")),
            ("1.2.3", json!("1.2.3")),
            ("1:20", json!("1:20")),
            ("190:20:30", json!("190:20:30")),
            ("2024-01-02", json!("2024-01-02")),
            ("2024-01-02T03:04:05Z", json!("2024-01-02T03:04:05Z")),
            ("+-1", json!("+-1")),
            ("0x", json!("0x")),
            ("nan", json!("nan")),
            ("+inf", json!("+inf")),
            ("=", json!("=")),
        ] {
            assert_eq!(read(&format!("a: {text}\n"), Doubled::Refused).unwrap()["a"], expected, "{text}");
        }
    }

    #[test]
    fn keys_become_texts() {
        for (key, expected) in [
            ("yes", "true"),
            ("off", "false"),
            ("'yes'", "yes"),
            ("1", "1"),
            ("0x10", "16"),
            ("1.50", "1.5"),
            ("1e3", "1000"),
            ("1e-7", "1e-07"),
            ("123456.5", "123456.5"),
            ("1e6", "1e+06"),
            ("2024-01-02", "2024-01-02"),
            ("\"<<\"", "<<"),
        ] {
            assert_eq!(
                read(&format!("{key}: 1\n"), Doubled::Refused).unwrap(),
                json!({ expected: 1 }),
                "{key}"
            );
        }
    }

    #[test]
    fn a_merge_counts_where_it_stands() {
        for (text, expected) in [
            ("{<<: *x, b: 9}", json!({"a": 1, "b": 9})),
            ("{b: 9, <<: *x}", json!({"a": 1, "b": 2})),
            ("{<<: [*y, *x]}", json!({"a": 7, "b": 2})),
            ("{<<: {c: 3}, <<: *y}", json!({"a": 7, "c": 3})),
        ] {
            let text = format!("x: &x {{a: 1, b: 2}}\ny: &y {{a: 7}}\nz: {text}\n");
            assert_eq!(read(&text, Doubled::Refused).unwrap()["z"], expected, "{text}");
        }
    }

    #[test]
    fn what_json_cannot_say_is_refused_with_its_line() {
        for (text, what) in [
            ("a: 1\nb: .inf\n", "`.inf` is a number"),
            ("a: 1\n.NaN: b\n", "`.NaN` is a number"),
            ("a: 1\n~: b\n", "`null` cannot be a key"),
            ("a: 1\n18446744073709551615: b\n", "cannot be a key"),
            ("a: 1\n<<: 5\n", "`<<` takes a mapping"),
            ("a: 1\n<<: [{b: 1}, 5]\n", "`<<` takes a mapping"),
            ("a: 1\na: 2\n", "the key `a` stands twice"),
            ("true: 1\nyes: 2\n", "the key `true` stands twice"),
        ] {
            let error = read(text, Doubled::Refused).unwrap_err();
            assert!(error.line == 2 && error.what.contains(what), "{text}: {error:?}");
        }
        assert_eq!(read("a: 1\na: 2\n", Doubled::LastCounts).unwrap(), json!({"a": 2}));
    }
}
