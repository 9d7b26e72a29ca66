//! Damage here and there in an archive of several rows: as many blocks as were asked for are mended wherever they stand.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use ombundle::archive::ReadAt as _;
use ombundle::digest::Digest;
use ombundle::event::Silent;
use ombundle::finding::{Finding, has_errors};
use ombundle::flow::mend::Mend;
use ombundle::flow::protect::{plan, protect};
use ombundle::limits::LIMITS;
use ombundle::repair::{Geometry, Place, Share};
use ombundle::store::repair_file::find;
use ombundle::store::salvage::Salvage;
use ombundle::volume::Shape;

const BLOCK: usize = 4 << 10;

/// Something like an archive, with repair data of a twentieth.
struct Protected {
    folder: tempfile::TempDir,
    good: Vec<u8>,
    geometry: Geometry,
}

impl Protected {
    fn new(length: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (state >> 56) as u8
        };
        let good: Vec<u8> = (0..length).map(|_| next()).collect();
        let (name, inventory) = ("a.ombundle", Digest::of(b"inventory"));
        let share: Share = "5%".parse().unwrap();
        let planned = plan(name, inventory, length as u64, share, &Shape::whole(), &LIMITS).unwrap();
        let geometry = planned[0].header.geometry;
        let target = |file: &str| folder.path().join(file);
        let files: Vec<_> = planned.iter().map(|it| (it.header, target(&it.file))).collect();
        protect(&good, &target(name), &files, &Silent).unwrap();
        Self { folder, good, geometry }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Destroys these bytes of a copy, and has it mended. Says what was found, and whether every byte is as it was.
    fn mended(&self, lost: impl Iterator<Item = usize>) -> (Vec<Finding>, bool) {
        let mut broken = self.good.clone();
        lost.for_each(|byte| broken[byte] ^= 0x5a);
        fs::write(self.path("a.ombundle"), broken).unwrap();
        let paths = [self.path("a.ombundle")];
        let (of, files) = find(&paths, &LIMITS).unwrap().pop_first().unwrap();
        let salvage = Salvage::open(&paths, &of.0, of.1.total()).unwrap();
        let mend = Mend { salvage: &salvage, repair: &files, events: &Silent };
        let survey = mend.survey().unwrap().unwrap();
        let findings = mend.judge(&survey).unwrap();
        if has_errors(&findings) {
            return (findings, false);
        }
        let file = mend.run(survey, &self.path("mended.ombundle")).unwrap();
        let mut found = vec![0; self.good.len()];
        file.read_exact_at(&mut found, 0).unwrap();
        file.discard();
        (findings, found == self.good)
    }
}

/// A byte of each block that is destroyed.
fn byte_of(block: u64) -> usize {
    usize::try_from(block).unwrap() * BLOCK + 7
}

#[test]
fn the_whole_share_is_mended_wherever_it_is_lost_and_more_is_named() {
    // Rows are not longer than 8,192 blocks; the last block is not full.
    let protected = Protected::new(BLOCK * 10_000 - 1_000);
    let geometry = protected.geometry;
    assert_eq!((geometry.rows(), geometry.blocks()), (2, 10_000));
    let share = 500;
    for seed in 1..4_u64 {
        let (mut state, mut lost) = (seed, BTreeSet::from([9_999]));
        while lost.len() < share {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            lost.insert((state >> 33) % 10_000);
        }
        let (findings, is_whole) = protected.mended(lost.into_iter().map(byte_of));
        assert!(is_whole, "seed {seed}: {findings:?}");
        assert_eq!(findings[0].code, "BLOCKS_DAMAGED", "{findings:?}");
    }
    // In one stretch, wherever it begins.
    let start = BLOCK * 3_000 + 1;
    let (findings, is_whole) = protected.mended(start..start + BLOCK * share);
    assert!(is_whole && findings[0].message.starts_with("501 of 10000"), "{findings:?}");

    let in_row = |count| (0..count).map(|stripe| byte_of(geometry.index(Place { row: 1, stripe })));
    assert!(protected.mended(in_row(geometry.spare())).1);
    let (findings, _) = protected.mended(in_row(geometry.spare() + 1));
    assert_eq!(findings[0].code, "BEYOND_REPAIR");
    assert!(findings[0].message.contains("and 0 of them can be mended: 1 row lost more"), "{findings:?}");
}
