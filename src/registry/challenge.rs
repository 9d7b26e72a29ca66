//! `WWW-Authenticate`: what a registry wants before it answers (RFC 9110, section 11.6.1).

use std::collections::BTreeMap;

/// One challenge: a scheme and its parameters, names in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    /// In lower case: Nexus writes `BASIC`, others `Bearer` or `bearer`.
    pub(super) scheme: String,
    pub(super) parameters: BTreeMap<String, String>,
}

/// All challenges of all header values, in order. What cannot be understood is left out.
pub(super) fn challenges<'v>(values: impl IntoIterator<Item = &'v str>) -> Vec<Challenge> {
    values.into_iter().flat_map(one_value).collect()
}

fn one_value(value: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = value;
    loop {
        rest = rest.trim_start_matches([',', ' ', '\t']);
        let (word, after) = token(rest);
        if word.is_empty() {
            return found;
        }
        let after_space = after.trim_start_matches([' ', '\t']);
        // `name=value` belongs to the challenge before it; a word alone opens the next challenge.
        match (after_space.strip_prefix('='), found.last_mut()) {
            (Some(value), Some(current)) => {
                let (text, after) = parameter_value(value.trim_start_matches([' ', '\t']));
                current.parameters.entry(word.to_ascii_lowercase()).or_insert(text);
                rest = after;
            }
            (Some(_), None) => return found,
            (None, _) => {
                found.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: BTreeMap::new() });
                rest = after;
            }
        }
    }
}

fn token(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)))
        .unwrap_or(text.len());
    text.split_at(end)
}

fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, quoted.get(at + 1..).unwrap_or_default()),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(values: &[&str]) -> Vec<String> {
        challenges(values.iter().copied())
            .into_iter()
            .map(|challenge| format!("{} {:?}", challenge.scheme, challenge.parameters))
            .collect()
    }

    #[test]
    fn reads_what_registries_send() {
        for (values, expected) in [
            (
                vec![r#"BASIC realm="Sonatype Nexus Repository Manager""#],
                vec![r#"basic {"realm": "Sonatype Nexus Repository Manager"}"#],
            ),
            (
                vec![r#"Bearer realm="https://a/token",service="s",scope="repository:a/b:pull,push""#],
                vec![
                    r#"bearer {"realm": "https://a/token", "scope": "repository:a/b:pull,push", "service": "s"}"#,
                ],
            ),
            (
                vec!["Negotiate", r#"basic Realm = "x", bearer realm=https://t/ , service="a\"b""#],
                vec![
                    "negotiate {}",
                    r#"basic {"realm": "x"}"#,
                    r#"bearer {"realm": "https://t/", "service": "a\"b"}"#,
                ],
            ),
            (vec![r#"Bearer realm="a", realm="b""#], vec![r#"bearer {"realm": "a"}"#]),
            (vec![r#"Bearer realm="open"#], vec![r#"bearer {"realm": "open"}"#]),
            (vec!["", ",,", "=x", "\u{7f}", "\""], vec![]),
        ] {
            assert_eq!(shown(&values), expected, "{values:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_header_ends(value in ".{0,200}") {
            let _ = challenges([value.as_str()]);
        }
    }
}
