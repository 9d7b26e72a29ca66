//! Any bytes are an archive that nobody vouched for: what stands before the signed inventory is read, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ombundle::archive::Front;
use ombundle::limits::LIMITS;

fuzz_target!(|bytes: &[u8]| {
    let _ = Front::read(&bytes.to_vec(), &LIMITS);
});
