//! Whether a text is an image reference for opm: the grammar of the container tools, which is wider than ours.

/// Whether `text` is `[host[:port]/]path[:tag][@digest]`.
pub(super) fn is_valid(text: &str) -> bool {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    // A colon behind the last slash begins a tag; before it, it is a port.
    let path_start = rest.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match rest.get(path_start..).and_then(|last| last.find(':')) {
        Some(at) => (rest.get(..path_start + at).unwrap_or_default(), rest.get(path_start + at + 1..)),
        None => (rest, None),
    };
    let (host, path) = match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':', '[']) || host == "localhost" || has_upper(host) => {
            (Some(host), path)
        }
        _ => (None, name),
    };
    let is_id = digest.is_none() && tag.is_none() && text.len() == 64 && text.bytes().all(is_lower_hex);
    !is_id
        && name.len() <= 255
        && host.is_none_or(is_host)
        && path.split('/').all(is_component)
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest)
}

fn has_upper(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            if !address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':') || address.is_empty() {
                return false;
            }
            (None, port.strip_prefix(':').or((!port.is_empty()).then_some("x")))
        }
        None => match host.split_once(':') {
            Some((name, port)) => (Some(name), Some(port)),
            None => (Some(host), None),
        },
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.is_none_or(|name| name.split('.').all(label))
        && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Lower-case words joined by one `.`, one or two `_`, or any number of `-`.
fn is_component(component: &str) -> bool {
    let word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let joints = bytes.split(word).filter(|joint| !joint.is_empty());
    bytes.first().is_some_and(word)
        && bytes.last().is_some_and(word)
        && joints
            .into_iter()
            .all(|joint| matches!(joint, b"." | b"_" | b"__") || joint.iter().all(|it| *it == b'-'))
}

fn is_tag(tag: &str) -> bool {
    tag.len() <= 128
        && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

fn is_digest(digest: &str) -> bool {
    let length = match digest.split_once(':') {
        Some(("sha256", _)) => 64,
        Some(("sha384", _)) => 96,
        Some(("sha512", _)) => 128,
        _ => return false,
    };
    digest.split_once(':').is_some_and(|(_, hex)| hex.len() == length && hex.bytes().all(is_lower_hex))
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn the_grammar_of_the_container_tools() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for good in [
            "ubuntu",
            "library/ubuntu:22.04",
            "quay.io/a/b:v1",
            "localhost/a",
            "Quay/b",
            "host:5000/a/b_c.d--e__f",
            "[::1]:5000/a",
            &format!("registry.redhat.io/a/b@{digest}"),
            &format!("registry.redhat.io/a/b:v1@{digest}"),
        ] {
            assert!(is_valid(good), "{good}");
        }
        for bad in [
            "",
            "Quay",
            "quay.io/A",
            "quay.io/a//b",
            "quay.io/a/",
            "quay.io/a:",
            "quay.io/a:-x",
            "quay.io/a b",
            "quay.io/a...b",
            "-quay.io/a",
            "quay.io:port/a",
            "[::1/a",
            "[::1]x/a",
            "https://quay.io/a",
            "quay.io/a@sha256:00",
            "quay.io/a@md5:00",
            &"0a".repeat(32),
            &format!("quay.io/a@{}", digest.to_uppercase()),
            &format!("quay.io/{}", "a".repeat(256)),
        ] {
            assert!(!is_valid(bad), "{bad}");
        }
    }
}
