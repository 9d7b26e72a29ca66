//! Tables over small catalogs made here.

mod dependencies;
mod filter;
mod graph;
mod hostile;
mod load;
mod prune;
mod stream;
mod survey;
mod validate;
mod write;

use super::{Loaded, load as load_files};
use crate::finding::Finding;
use crate::limits::LIMITS;

/// Loads files of text.
fn load(files: &[(&str, &str)]) -> Loaded {
    load_files(files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())), &LIMITS)
}

fn codes(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.code.as_str()).collect()
}

/// A package with one channel; each entry is `name@version<replaces` or so, in JSON.
const SMALL: &str = r#"{"schema":"olm.package","name":"p","defaultChannel":"c"}
{"schema":"olm.channel","package":"p","name":"c","entries":[{"name":"p.v1.0.0"}]}
{"schema":"olm.bundle","package":"p","name":"p.v1.0.0","image":"r.example/p@sha256:00",
 "properties":[{"type":"olm.package","value":{"packageName":"p","version":"1.0.0"}}]}
"#;
