//! What was lost is mended, and nothing hostile gets past the header.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "archives of some kilobytes, in memory"
)]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::digest::Digest;
use crate::limits::{LIMITS, Limits};

fn bytes(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |_| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..length).map(next).collect()
}

fn inventory() -> Digest {
    Digest::of(b"inventory")
}

fn read(archive: &[u8]) -> impl FnMut(std::ops::Range<u64>, &mut [u8]) -> std::io::Result<()> {
    move |range, buffer| {
        buffer.copy_from_slice(&archive[range.start as usize..range.end as usize]);
        Ok(())
    }
}

/// The spare blocks of a row, made in strips of that width.
fn spares(archive: &[u8], geometry: Geometry, strips: Strips, row: u32) -> Vec<Vec<u8>> {
    let mut encoder = StripEncoder::new(geometry, strips).unwrap();
    let mut spares = vec![Vec::new(); geometry.spare() as usize];
    for strip in 0..strips.count() {
        let pieces = encoder.strip(row, strip, read(archive)).unwrap().unwrap();
        let pieces = pieces.chunks(strips.width() as usize);
        spares.iter_mut().zip(pieces).for_each(|(spare, piece)| spare.extend_from_slice(piece));
    }
    spares
}

/// Destroys these blocks, and mends the archive with the first spare blocks of each row.
fn mended(archive: &[u8], geometry: Geometry, lost: &BTreeSet<u64>) -> Result<Vec<u8>, RepairError> {
    let strips = Strips::to_mend(geometry);
    let mut broken = archive.to_vec();
    for &index in lost {
        let range = geometry.bytes(index);
        broken[range.start as usize..range.end as usize].fill(0xa5);
    }
    let whole = broken.clone();
    for row in lost.iter().map(|index| geometry.place(*index).row).collect::<BTreeSet<_>>() {
        let spares = spares(archive, geometry, Strips::to_encode(geometry), row);
        let places = (0..geometry.stripes()).map(|stripe| Place { row, stripe });
        let (missing, good): (Vec<_>, Vec<_>) =
            places.partition(|place| lost.contains(&geometry.index(*place)));
        let mut mender = StripMender::new(geometry, strips)?;
        for strip in 0..strips.count() {
            for place in &good {
                mender.block(*place, strip, read(&whole)).unwrap()?;
            }
            let part = strips.part(strip);
            for (number, spare) in (0..).zip(&spares).take(missing.len()) {
                mender.spare(number, &spare[part.start as usize..part.end as usize])?;
            }
            let done: Result<(), std::convert::Infallible> = mender.mended(row, strip, |range, bytes| {
                broken[range.start as usize..range.end as usize].copy_from_slice(bytes);
                Ok(())
            })?;
            done.unwrap();
        }
    }
    Ok(broken)
}

/// So many of `all` blocks, each set as likely as any other.
fn at_random(count: u64, all: u64, seed: u64) -> BTreeSet<u64> {
    let mut state = seed;
    let mut chosen = BTreeSet::new();
    while (chosen.len() as u64) < count {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        chosen.insert((state >> 33) % all);
    }
    chosen
}

fn percent(text: &str) -> Share {
    text.parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn as_many_blocks_as_there_are_spare_ones_may_be_lost(total in 1usize..20_000, rows in 1u32..8, spare in 1u32..20, seed in any::<u64>()) {
        let Ok(geometry) = Geometry::new(total as u64, 64, rows, spare, &LIMITS) else { return Ok(()) };
        let archive = bytes(total);
        // Of each row as many as it has spare ones, wherever they stand.
        let mut lost = BTreeSet::new();
        for row in 0..geometry.rows() {
            for turn in 0..geometry.spare() {
                let stripe = (seed >> (row % 32)).wrapping_add(u64::from(turn) * 7) % u64::from(geometry.stripes());
                lost.insert(geometry.index(Place { row, stripe: stripe as u32 }));
            }
        }
        lost.retain(|index| *index < geometry.blocks());
        prop_assert_eq!(mended(&archive, geometry, &lost).unwrap(), archive);
    }

    #[test]
    fn a_stretch_of_the_archive_is_spread_over_all_rows(total in 1u64..4_000_000, rows in 1u32..2_000, start in 0u64..60_000) {
        let Ok(geometry) = Geometry::new(total, 64, rows, 1, &LIMITS) else { return Ok(()) };
        let stretch = start..start + u64::from(geometry.rows());
        let met: BTreeSet<u32> = stretch.map(|index| geometry.place(index).row).collect();
        prop_assert_eq!(met.len() as u64, u64::from(geometry.rows()));
        let place = geometry.place(start);
        prop_assert_eq!(geometry.index(place), start);
    }

    #[test]
    fn what_is_chosen_keeps_to_its_bounds(total in 1u64..(1 << 44), hundredths in 1u32..=10_000) {
        let share = percent(&format!("{}.{:02}%", hundredths / 100, hundredths % 100));
        let geometry = Geometry::choose(total, share, &LIMITS).unwrap();
        prop_assert!(geometry.blocks() <= LIMITS.repair_blocks);
        prop_assert!(geometry.stripes() <= 8_192);
        prop_assert!(u64::from(geometry.stripes()) * u64::from(geometry.block()) <= 512 << 20);
        prop_assert!(u64::from(geometry.stripes()) * u64::from(geometry.rows()) >= geometry.blocks());
        // What may be lost is what was asked for, wherever it is, and in one stretch wherever that begins.
        let lost = share.of(geometry.blocks());
        prop_assert!(u64::from(geometry.anywhere(geometry.spare())) >= lost);
        let of_stretch = (lost + 1).min(geometry.blocks()).div_ceil(u64::from(geometry.rows()));
        prop_assert!(u64::from(geometry.spare()) >= of_stretch);
    }

    #[test]
    fn strips_are_parts_of_blocks_that_fit_into_memory(total in 1u64..(1 << 44), hundredths in 1u32..=10_000) {
        let share = percent(&format!("{}.{:02}%", hundredths / 100, hundredths % 100));
        let geometry = Geometry::choose(total, share, &LIMITS).unwrap();
        for strips in [Strips::to_encode(geometry), Strips::to_mend(geometry)] {
            prop_assert_eq!(strips.width() * strips.count(), geometry.block());
            prop_assert_eq!(strips.width() % 64, 0);
            let held = u64::from(strips.width()) * u64::from(geometry.stripes() + geometry.spare());
            prop_assert!(held <= 10 << 20, "{}", held);
            let index = geometry.blocks() - 1;
            let pieces: u64 = (0..strips.count()).map(|strip| strips.bytes(index, strip)).map(|range| range.end - range.start).sum();
            let block = geometry.bytes(index);
            prop_assert_eq!(pieces, block.end - block.start);
        }
    }

    #[test]
    fn no_bytes_make_a_header_panic(junk in prop::collection::vec(any::<u8>(), 0..600)) {
        let good = header().to_bytes();
        let mixed: Vec<u8> = junk.iter().copied().zip(good).map(|(junk, good)| junk ^ good).collect();
        drop(Header::parse(&junk, &LIMITS));
        drop(Header::parse(&mixed, &LIMITS));
    }
}

#[test]
fn a_share_of_the_blocks_lost_at_random_is_mended_where_there_are_several_rows() {
    // Eight rows of 100 blocks, the last stripe not full.
    let total = 64 * 795 - 13;
    let geometry = Geometry::cut(total, 64, 100, percent("5%"), &LIMITS).unwrap();
    assert_eq!((geometry.rows(), geometry.stripes()), (8, 100));
    let share = percent("5%").of(geometry.blocks());
    assert_eq!(share, 40);
    let archive = bytes(total as usize);
    for seed in 0..40 {
        let lost = at_random(share, geometry.blocks(), seed);
        assert!(mended(&archive, geometry, &lost).unwrap() == archive, "seed {seed}");
    }
    // Whoever gave each row no more than its share would lose some row nearly every time.
    let met = |lost: &BTreeSet<u64>| {
        let in_row = |row| lost.iter().filter(|index| geometry.place(**index).row == row).count();
        (0..geometry.rows()).map(in_row).max().unwrap_or_default()
    };
    let worst = (0..20_000).map(|seed| met(&at_random(share, geometry.blocks(), seed))).max().unwrap();
    assert!((12..=geometry.spare() as usize).contains(&worst), "{worst} of {}", geometry.spare());
}

#[test]
fn strips_make_what_whole_blocks_make() {
    let geometry = Geometry::new(64 * 1024 * 40, 64 << 10, 2, 3, &LIMITS).unwrap();
    let archive = bytes(64 * 1024 * 40);
    let whole = Strips::to_encode(geometry);
    assert_eq!(whole.count(), 1);
    let narrow = Strips::of_width(geometry, 64);
    assert_eq!(narrow.count(), 1_024);
    for row in 0..2 {
        let made = spares(&archive, geometry, whole, row);
        assert!(made == spares(&archive, geometry, narrow, row));
        assert_eq!(made.iter().map(Vec::len).collect::<Vec<_>>(), [64 << 10; 3]);
    }
}

#[test]
fn one_block_more_than_there_are_spare_ones_is_too_many() {
    let geometry = Geometry::new(64 * 40, 64, 2, 3, &LIMITS).unwrap();
    let archive = bytes(64 * 40);
    let lost: BTreeSet<u64> = (0..4).map(|stripe| geometry.index(Place { row: 1, stripe })).collect();
    let short = mended(&archive, geometry, &lost);
    assert!(matches!(short, Err(RepairError::Code(_))), "{short:?}");
}

#[test]
fn small_archives_are_one_row_and_large_ones_have_few() {
    let share: Share = "5%".parse().unwrap();
    let chosen = |total| {
        let geometry = Geometry::choose(total, share, &LIMITS).unwrap();
        (geometry.block(), geometry.rows(), geometry.stripes(), geometry.spare())
    };
    assert_eq!(chosen(1), (4_096, 1, 1, 1));
    assert_eq!(chosen(10 << 20), (4_096, 1, 2_560, 129));
    assert_eq!(chosen(32 << 20), (4_096, 1, 8_192, 411));
    assert_eq!(chosen(200 << 20), (4_096, 7, 7_315, 457));
    assert_eq!(chosen(1 << 30), (16_384, 8, 8_192, 508));
    assert_eq!(chosen(90 << 30), (65_536, 180, 8_192, 527));
    assert_eq!(chosen(200 << 30), (131_072, 400, 4_096, 291));
    assert_eq!(chosen(1 << 40), (524_288, 2_048, 1_024, 99));
    let large = Geometry::choose(1 << 50, share, &LIMITS);
    assert!(matches!(large, Err(RepairError::Large { .. })), "{large:?}");
}

fn header() -> Header {
    let geometry = Geometry::new(100_000, 64, 10, 12, &LIMITS).unwrap();
    Header { inventory: inventory(), geometry, first: 4, count: 5 }
}

#[test]
fn a_header_goes_there_and_back_and_no_flipped_bit_goes_unseen() {
    let bytes = header().to_bytes();
    assert_eq!(bytes.len(), Header::SIZE);
    assert_eq!(Header::parse(&bytes, &LIMITS).unwrap(), header());
    for position in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[position] ^= 1;
        assert!(Header::parse(&flipped, &LIMITS).is_err(), "byte {position}");
        assert!(Header::parse(&bytes[..position], &LIMITS).is_err(), "cut at {position}");
    }
}

/// A header that somebody wrote with these numbers and a check that fits.
fn forged(total: u64, numbers: [u32; 5]) -> Vec<u8> {
    let mut bytes = b"ombundle-repair1".to_vec();
    bytes.extend_from_slice(&total.to_le_bytes());
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    bytes.extend_from_slice(inventory().bytes());
    let check = Digest::of(&bytes);
    bytes.extend_from_slice(check.bytes());
    bytes.resize(Header::SIZE, 0);
    bytes
}

#[test]
fn hostile_numbers_are_refused_before_anything_is_allocated() {
    assert!(Header::parse(&forged(100_000, [64, 10, 12, 4, 5]), &LIMITS).is_ok());
    for (total, numbers) in [
        (0, [64, 10, 12, 0, 1]),
        (u64::MAX, [64, 10, 12, 0, 1]),
        (u64::MAX, [1 << 23, u32::MAX, 1, 0, 1]),
        (100_000, [0, 10, 12, 0, 1]),
        (100_000, [32, 10, 12, 0, 1]),
        (100_000, [96, 10, 12, 0, 1]),
        (100_000, [1 << 31, 1, 1, 0, 1]),
        (100_000, [64, 0, 12, 0, 1]),
        (100_000, [64, 1_564, 1, 0, 1]),
        (100_000, [64, 10, 0, 0, 1]),
        (100_000, [64, 10, 158, 0, 1]),
        (100_000, [64, 10, u32::MAX, 0, 1]),
        (100_000, [64, 10, 12, 12, 1]),
        (100_000, [64, 10, 12, 0, 13]),
        (100_000, [64, 10, 12, u32::MAX, 2]),
        (100_000, [64, 10, 12, 0, 0]),
        // The code does not take such a row.
        (64 << 20, [64, 1, 1, 0, 1]),
        (64 * 65_000, [64, 1, 2_000, 0, 1]),
    ] {
        let parsed = Header::parse(&forged(total, numbers), &LIMITS);
        assert!(matches!(parsed, Err(RepairError::Header { .. })), "{total} {numbers:?}: {parsed:?}");
    }
    let low = Limits { repair_blocks: 1_000, ..LIMITS };
    assert!(Header::parse(&header().to_bytes(), &low).is_err());
}

#[test]
fn a_record_fits_its_own_place_alone() {
    let geometry = Geometry::new(64 * 40, 64, 2, 3, &LIMITS).unwrap();
    let archive = bytes(64 * 40);
    let spare = &spares(&archive, geometry, Strips::to_encode(geometry), 1)[1];
    let mut hasher = SpareHasher::new(&inventory(), 1, 1);
    hasher.update(spare);
    let digest = hasher.finish();
    let record = [spare, &Check::first_of(&digest).bytes()[..]].concat();
    let record = record.as_slice();
    assert_eq!(record_fits(&inventory(), 1, 1, record), Some(digest));
    assert!(record_fits(&inventory(), 0, 1, record).is_none());
    assert!(record_fits(&inventory(), 1, 2, record).is_none());
    assert!(record_fits(&Digest::of(b"other"), 1, 1, record).is_none());
    assert!(record_fits(&inventory(), 1, 1, &record[..71]).is_none());
    assert!(record_fits(&inventory(), 1, 1, &[]).is_none());
}

#[test]
fn a_page_fits_its_own_place_alone() {
    let geometry = Geometry::new(64 * 600, 64, 2, 3, &LIMITS).unwrap();
    let mut table = Table::empty(inventory(), &geometry);
    (0..600u64).for_each(|index| table.set(index, Check::of(&index.to_le_bytes())));
    assert_eq!(table.pages(), 2);
    let mut found = Table::empty(inventory(), &geometry);
    assert!(found.lacks(1));
    assert!(!found.take(0, &table.page(1)));
    assert!(!found.take(1, &table.page(1)[..PAGE - 1]));
    let mut flipped = table.page(1);
    flipped[3] ^= 1;
    assert!(!found.take(1, &flipped));
    assert!(found.take(1, &table.page(1)));
    assert_eq!((found.check(511), found.check(510)), (table.check(511), None));
    assert_eq!(found.check(600), None);
    assert!(found.lacks(0) && !found.lacks(1));
    let mut other = Table::empty(Digest::of(b"other"), &geometry);
    assert!(!other.take(0, &table.page(0)));
}

#[test]
fn spare_blocks_are_shared_out_to_files_that_fit() {
    let geometry = header().geometry;
    let one = split(inventory(), geometry, None).unwrap();
    assert_eq!(one.iter().map(|part| (part.first, part.count)).collect::<Vec<_>>(), [(0, 12)]);
    let least = Header { first: 0, count: 5, ..header() }.length();
    let parts = split(inventory(), geometry, Some(least)).unwrap();
    assert_eq!(
        parts.iter().map(|part| (part.first, part.count)).collect::<Vec<_>>(),
        [(0, 5), (5, 5), (10, 2)]
    );
    assert!(parts.iter().all(|part| part.length() <= least));
    let single = Header { first: 0, count: 1, ..header() }.length();
    assert_eq!(split(inventory(), geometry, Some(single)).unwrap().len(), 12);
    let small = split(inventory(), geometry, Some(single - 1));
    assert!(matches!(small, Err(RepairError::Small { .. })), "{small:?}");
    // What lies in a file follows each other without gaps.
    let part = header();
    assert_eq!(part.record_at(0, 4), Some(part.records()));
    assert_eq!(part.record_at(9, 8).unwrap() + part.record_bytes(), part.tables()[1]);
    assert_eq!(part.record_at(0, 9), None);
    assert_eq!(part.record_at(0, 3), None);
    assert_eq!(part.last_header() + Header::SIZE as u64, part.length());
}
