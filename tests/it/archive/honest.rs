//! Good archives are taken, by our own reader and by stock tools.

use std::sync::Arc;

use ombundle::verify::Policy;

use super::world::{World, now, trust, verify};

#[test]
fn a_good_archive_is_verified() {
    let bytes = World::small().pack(&[1]);
    let archive = verify(Arc::new(bytes), &trust(&[1], 1), &Policy::at(now())).unwrap();
    assert_eq!(archive.inventory().sequence, 7);
}
