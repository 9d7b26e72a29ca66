//! How an auditor checks an archive with stock tools alone.

use std::fmt::Write as _;

/// A script for `bash` that needs nothing but tar, sha256sum, openssl and coreutils, and comes to the verdict of this program on
/// signatures, threshold, time and every byte. `files` are the archive, or its volumes in order; `keys` are files with the trusted
/// public keys, `beside` those with signatures of other people.
///
/// It takes nothing from this program's own reading of the archive: ids, offsets and digests are found by the script. What it
/// leaves to the person is whether the generation is newer than the last one.
pub fn recipe(files: &[String], beside: &[String], keys: &[String], threshold: usize) -> String {
    let mut script = String::from(
        "#!/usr/bin/env bash\n# Checks an .ombundle archive with stock tools only: bash, coreutils, grep, sed, tar, openssl.\n",
    );
    for (name, paths) in [("files", files), ("beside", beside), ("keys", keys)] {
        let paths: Vec<String> = paths.iter().map(|path| quoted(path)).collect();
        let _ = writeln!(script, "{name}=({})", paths.join(" "));
    }
    let _ = writeln!(script, "threshold={threshold}\n");
    script.push_str(include_str!("recipe.sh"));
    script
}

/// One word of a shell command, whatever is in it. A leading `-` is no option.
fn quoted(text: &str) -> String {
    let path = if text.starts_with('-') { format!("./{text}") } else { text.to_owned() };
    format!("'{}'", path.replace('\'', r"'\''"))
}
