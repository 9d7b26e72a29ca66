//! Any bytes are YAML documents: read as Kubernetes tools do, written, and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ombundle::limits::LIMITS;
use ombundle::yaml::{Doubled, documents, write};
use serde_json::{Value, json};

fn read(text: &str) -> (Vec<Value>, usize) {
    let mut values = Vec::new();
    let broken = documents(text, Doubled::Refused, &LIMITS, &mut |json, _| values.push(json));
    (values, broken.len())
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for value in read(text).0 {
        let value = json!({ "document": value });
        let mut out = String::new();
        write(&value, &mut out);
        let mut again = String::new();
        let (values, broken) = read(&out);
        assert_eq!((values.len(), broken), (1, 0), "{out}");
        values.iter().for_each(|value| write(value, &mut again));
        assert_eq!(again, out);
    }
});
