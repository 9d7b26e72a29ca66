//! Any bytes are repair data: a header with whatever numbers, a page of checks, a record.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ombundle::digest::Digest;
use ombundle::limits::LIMITS;
use ombundle::repair::{Check, Header, PAGE, Strips, Table, record_fits};

/// Where the check of a header stands: behind all that it says.
const SIGNED: usize = 76;

fuzz_target!(|bytes: &[u8]| {
    let _ = Header::parse(bytes, &LIMITS);
    // A check is no secret: whoever writes a hostile header writes one that fits.
    let mut forged = b"ombundle-repair1".to_vec();
    forged.extend_from_slice(bytes);
    forged.resize(SIGNED, 0);
    let check = Digest::of(&forged);
    forged.extend_from_slice(check.bytes());
    forged.resize(Header::SIZE, 0);
    let Ok(header) = Header::parse(&forged, &LIMITS) else { return };
    assert_eq!(header.to_bytes(), forged);

    let geometry = header.geometry;
    assert!(geometry.blocks() <= LIMITS.repair_blocks);
    let last = geometry.blocks() - 1;
    assert_eq!(geometry.index(geometry.place(last)), last);
    assert_eq!(geometry.bytes(last).end, geometry.total());
    for strips in [Strips::to_encode(geometry), Strips::to_mend(geometry)] {
        assert_eq!(strips.bytes(last, strips.count() - 1).end, geometry.total());
    }
    assert!(header.length() > header.records());
    let _ = geometry.anywhere(geometry.spare());

    // What is in memory for each block is not what is looked for here.
    if geometry.blocks() > 100_000 {
        return;
    }
    let mut table = Table::empty(header.inventory, &geometry);
    let page: Vec<u8> = bytes.iter().copied().cycle().take(if bytes.is_empty() { 0 } else { PAGE }).collect();
    assert!(!table.take(0, &page), "nobody meets a SHA-256 by chance");
    table.set(last, Check::of(bytes));
    let number = table.pages() - 1;
    let page = table.page(number);
    assert!(table.take(number, &page));
    let _ = record_fits(&header.inventory, 0, header.first, bytes);
});
