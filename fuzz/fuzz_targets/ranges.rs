//! Versions and the two grammars of ranges: three lines, a range and two versions.
#![no_main]

use std::str;

use libfuzzer_sys::fuzz_target;
use ombundle::version::{BlangRange, MastermindsRange, Version};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let mut lines = text.lines();
    let (range, low, high) = (lines.next(), lines.next(), lines.next());
    let version = |text: Option<&str>| text.and_then(|text| Version::parse_tolerant(text).ok());
    let (low, high) = (version(low), version(high));
    for version in [&low, &high].into_iter().flatten() {
        assert_eq!(Version::parse(&version.to_string()).as_ref(), Ok(version));
        assert!(version.precedence(version).is_eq());
    }
    let between = MastermindsRange::between(low.as_ref(), high.as_ref());
    let Some(Ok(range)) = range.map(BlangRange::parse) else { return };
    let again = BlangRange::parse(range.as_str());
    for version in [&low, &high].into_iter().flatten() {
        let _ = between.contains(version);
        assert_eq!(again.as_ref().is_ok_and(|again| again.contains(version)), range.contains(version));
    }
    let _ = range.lower_bounds().count();
});
