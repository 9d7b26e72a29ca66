//! `SHA256SUMS`: what `sha256sum -c` takes, without any tool of ours.

use crate::digest::Digest;

/// One line for each file, in the binary form of coreutils. Names are ours: none needs escaping.
pub fn sums<'f>(files: impl IntoIterator<Item = (&'f str, Digest)>) -> String {
    let lines: Vec<String> =
        files.into_iter().map(|(name, digest)| format!("{} *{name}\n", digest.hex())).collect();
    lines.concat()
}

/// The names and digests of such lines; others are passed over.
pub fn parse_sums(text: &str) -> Vec<(&str, Digest)> {
    let pairs = text.lines().filter_map(|line| line.split_once(" *"));
    pairs.filter_map(|(hex, name)| Some((name, Digest::from_hex(hex).ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_go_there_and_back() {
        let files = [("a.ombundle.001", Digest::of(b"a")), ("b c", Digest::of(b"b"))];
        let text = sums(files);
        assert_eq!(parse_sums(&text), files);
        assert_eq!(parse_sums(&format!("no sums\n{text}12 *short\n")), files);
    }
}
