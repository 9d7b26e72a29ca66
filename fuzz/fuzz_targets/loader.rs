//! Any bytes are a file of a catalog: a verdict, never a panic; what is sound is the same once it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ombundle::catalog::{OpmVersion, judge, load, scan_file, serve_cache, write};
use ombundle::finding::has_errors;
use ombundle::limits::LIMITS;

fuzz_target!(|bytes: &[u8]| {
    let _ = scan_file("catalog.json", bytes, &LIMITS);
    let loaded = load([("catalog.json".to_owned(), bytes.to_vec())], &LIMITS);
    let findings = judge(loaded.findings, &loaded.catalog, OpmVersion::STRICTEST);
    if has_errors(&findings) {
        return;
    }
    let files = write::files(&loaded.catalog);
    let _ = serve_cache::json(&loaded.catalog, &files, &LIMITS);
    let again = load(files.clone(), &LIMITS);
    assert!(!has_errors(&again.findings), "{:?}", again.findings);
    assert_eq!(write::files(&again.catalog), files);
});
