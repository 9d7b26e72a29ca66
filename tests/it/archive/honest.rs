//! Good archives are taken, and the same input makes the same archive.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use ombundle::archive::{Blob, EntryPath, Piece, Role};
use ombundle::digest::Digest;
use ombundle::event::Silent;
use ombundle::limits::LIMITS;
use ombundle::verify::{Policy, Reason, open};
use proptest::prelude::*;

use super::world::{World, key, now, trust, verify};

#[test]
fn a_good_archive_is_verified_and_read() {
    let world = World::small();
    let archive = verify(Arc::new(world.pack(&[1])), &trust(&[1], 1), &Policy::at(now())).unwrap();
    let inventory = archive.inventory();
    assert_eq!(inventory.sequence, 7);
    assert_eq!(archive.signers(), [key(1).public().id()]);
    let paths: Vec<String> = inventory.members().map(|member| member.path.to_string()).collect();
    let blobs: Vec<String> = world.blobs.keys().map(|d| format!("oci/blobs/sha256/{}", d.hex())).collect();
    let mut expected = vec![
        "ombundle".to_owned(),
        "inventory.json".to_owned(),
        format!("sig/{}.sig", key(1).public().id()),
        "SHA256SUMS".to_owned(),
        "meta/catalog/redhat-operator-index.json".to_owned(),
        "oci/oci-layout".to_owned(),
        "oci/index.json".to_owned(),
    ];
    expected.extend(blobs);
    assert_eq!(paths, expected);
    let meta = inventory.entries.iter().find(|entry| entry.role == Role::CatalogDelta).unwrap();
    assert_eq!(archive.read_meta(&meta.path).unwrap(), b"{}");
    for (digest, bytes) in &world.blobs {
        let mut read = Vec::new();
        archive.blob_reader(digest).unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, *bytes);
        assert_eq!(archive.read_blob(digest, bytes.len() as u64).unwrap(), *bytes);
        if let Some(limit) = (bytes.len() as u64).checked_sub(1) {
            assert_eq!(archive.read_blob(digest, limit).unwrap_err().code(), "TOO_LARGE");
        }
    }
    let stranger = EntryPath::Blob(Digest::of(b"stranger"));
    assert_eq!(archive.read_meta(&stranger).unwrap_err().code(), "NO_SUCH_ENTRY");
}

#[test]
fn pieces_in_any_order_are_the_archive() {
    let world = World::with_layers(&[vec![1; 70_000], vec![2; 512], vec![]]);
    let blueprint = world.blueprint();
    let signatures = [key(1).sign(blueprint.inventory().raw())];
    let mut pieces: Vec<(u64, Vec<u8>)> = Vec::new();
    blueprint
        .pieces(|piece| {
            match piece {
                Piece::Known { offset, bytes } => pieces.push((offset, bytes.to_vec())),
                Piece::Blob { span, entry } => pieces.push((span.data, world.blobs[&entry.digest].clone())),
                Piece::Signature { .. } => {}
            }
            Ok::<_, std::convert::Infallible>(())
        })
        .unwrap();
    let placed = blueprint.place(&signatures).unwrap();
    pieces.extend(placed.into_iter().map(|(offset, bytes)| (offset, bytes.to_vec())));
    let total = usize::try_from(blueprint.inventory().total_size).unwrap();
    assert_eq!(
        pieces.iter().map(|(_, bytes)| bytes.len()).sum::<usize>(),
        total,
        "no byte twice, none left out"
    );
    let mut file = vec![0xff; total];
    for (offset, bytes) in pieces.iter().rev() {
        let start = usize::try_from(*offset).unwrap();
        file[start..start + bytes.len()].copy_from_slice(bytes);
    }
    assert_eq!(file, world.pack(&[1]));
}

#[test]
fn signatures_of_other_keys_than_announced_are_not_placed() {
    let blueprint = World::small().blueprint();
    let sign = |number| key(number).sign(blueprint.inventory().raw());
    for signatures in [vec![], vec![sign(2)], vec![sign(1), sign(2)], vec![sign(1), sign(1)]] {
        assert!(blueprint.place(&signatures).is_err());
    }
}

#[test]
fn every_entry_needs_its_proof() {
    let source = Arc::new(World::small().pack(&[1]));
    let other = Arc::new(World::with_layers(&[vec![1], vec![2], vec![3]]).pack(&[1]));
    let open = |source| open(source, &trust(&[1], 1), &Policy::at(now()), &LIMITS).unwrap();
    let prove = |opened: &ombundle::verify::Opened| -> Vec<_> {
        opened.checks().iter().map(|check| check.run(&mut Vec::new(), &Silent).unwrap()).collect()
    };
    let count = prove(&open(source.clone())).len();
    for left_out in 0..count {
        let opened = open(source.clone());
        let mut proofs = prove(&opened);
        proofs.remove(left_out);
        let refused = opened.conclude(proofs).err().unwrap();
        assert!(matches!(refused.refusals(), [only] if matches!(only.reason, Reason::Unchecked)));
    }
    let foreign = prove(&open(other));
    assert_eq!(open(source).conclude(foreign).err().unwrap().refusals().len(), count);
}

#[test]
fn small_buffers_see_the_same() {
    let source =
        Arc::new(World::with_layers(&[vec![7; 5000], vec![], vec![1; 2048], vec![1; 1536]]).pack(&[1]));
    let opened = open(source, &trust(&[1], 1), &Policy::at(now()), &LIMITS).unwrap();
    for size in [0, 1, 2048, 2049, 4096, 1 << 20] {
        let passed =
            opened.checks().iter().filter(|check| check.run(&mut vec![0; size], &Silent).is_ok()).count();
        assert_eq!(passed, opened.checks().len(), "buffer of {size}");
    }
    assert_eq!(
        opened.checks().iter().map(ombundle::verify::Check::bytes).sum::<u64>(),
        opened.inventory().total_size - opened.inventory().members().nth(3).unwrap().span.header
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, ..ProptestConfig::default() })]

    /// P23, as far as this room goes: the order in which things are named does not matter.
    #[test]
    fn p23_the_same_input_makes_the_same_archive(
        sizes in proptest::collection::btree_map(0_usize..5000, any::<u8>(), 0..8),
        rotation in 0_usize..8,
    ) {
        let layers: Vec<Vec<u8>> = sizes.iter().map(|(size, byte)| vec![*byte; *size]).collect();
        let world = World::with_layers(&layers);
        let bytes = world.pack(&[1, 2]);
        let mut shuffled = world.clone();
        let count = shuffled.draft.blobs.len();
        shuffled.draft.blobs.rotate_left(rotation % count);
        shuffled.draft.blobs.extend(world.draft.blobs.clone());
        shuffled.draft.roots.extend(world.draft.roots.clone());
        shuffled.draft.catalogs.extend(world.draft.catalogs.clone());
        prop_assert!(shuffled.pack(&[2, 1]) == bytes);
        prop_assert!(verify(Arc::new(bytes), &trust(&[2], 1), &Policy::at(now())).is_ok());
    }

    /// The total size counts its own digits: whatever the sizes, it is the size of what is written.
    #[test]
    fn the_total_size_is_the_size(padding in 0_usize..1100, layer in 0_usize..200_000) {
        let mut world = World::with_layers(&[vec![0; layer]]);
        world.draft.tool = ombundle::archive::Text::tamed(&"x".repeat(padding.max(1)));
        let bytes = world.pack(&[1]);
        let inventory = world.blueprint().inventory().clone();
        prop_assert_eq!(inventory.total_size, bytes.len() as u64);
    }
}

#[test]
fn a_blob_that_is_not_what_it_should_be_is_not_packed() {
    let world = World::small();
    let blueprint = world.blueprint();
    let signatures = [key(1).sign(blueprint.inventory().raw())];
    let good: BTreeMap<_, _> = world.blobs.clone();
    for change in 0..3 {
        let open = |digest: &Digest| {
            let mut bytes = good[digest].clone();
            match change {
                0 => bytes[0] ^= 1,
                1 => bytes.push(0),
                _ => bytes.truncate(bytes.len() - 1),
            }
            Ok(std::io::Cursor::new(bytes))
        };
        let error = blueprint.write(&signatures, open, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().starts_with("cannot read sha256:"), "{error}");
    }
}

/// A medium that answers differently from the nth read on (T21, P13).
struct Fickle {
    before: Vec<u8>,
    after: Vec<u8>,
    from: u64,
    reads: std::sync::atomic::AtomicU64,
}

impl ombundle::archive::ReadAt for Fickle {
    fn len(&self) -> u64 {
        self.before.len() as u64
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        let read = self.reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let bytes = if read < self.from { &self.before } else { &self.after };
        bytes.read_exact_at(buffer, offset)
    }
}

#[test]
fn t21_what_is_handed_out_is_what_was_signed_even_if_the_medium_changes() {
    let world = World::with_layers(&[vec![b'a'; 3000]]);
    let mut other = World::with_layers(&[vec![b'b'; 3000]]);
    other.draft.meta[0].bytes = b"[]".to_vec();
    let (before, after) = (world.pack(&[1]), other.pack(&[1]));
    assert_eq!(before.len(), after.len(), "both are good archives of one size");
    let mut refused = 0;
    for from in 0..60 {
        let medium = Fickle { before: before.clone(), after: after.clone(), from, reads: 0.into() };
        let Ok(archive) = verify(Arc::new(medium), &trust(&[1], 1), &Policy::at(now())) else {
            refused += 1;
            continue;
        };
        for entry in &archive.inventory().entries {
            let read = match archive.blob_reader(&entry.digest) {
                Ok(mut reader) => {
                    let mut read = Vec::new();
                    reader.read_to_end(&mut read).map(|_| read).ok()
                }
                Err(_) => archive.read_meta(&entry.path).ok(),
            };
            match read {
                Some(read) => assert_eq!(Digest::of(&read), entry.digest),
                None => refused += 1,
            }
        }
    }
    assert!(refused > 15, "the fault fired {refused} times");
}

/// T20: offsets at and past every size where a number could be too small.
#[test]
fn t20_offsets_are_right_past_every_limit_of_a_number() {
    let world = World::with_layers(&[]);
    let total = world.blueprint().inventory().total_size;
    for size in
        [(2_u64 << 30) - 1, 2 << 30, (4 << 30) - 1, 4 << 30, (4 << 30) + 1, (8 << 30) - 1, 8 << 30, 1 << 52]
    {
        let mut world = world.clone();
        let media_type: ombundle::archive::MediaType = "application/octet-stream".parse().unwrap();
        let digest = |n: u8| Digest::of(&[n]);
        let blob =
            |n, size| Blob { digest: digest(n), size, media_type: media_type.clone(), manifest: false };
        world.draft.blobs.extend([blob(1, size), blob(2, 1), blob(3, 1000)]);
        let inventory = world.blueprint().inventory().clone();
        let mut end = 0;
        for member in inventory.members() {
            assert_eq!((member.span.header, member.span.data), (end, end + 512));
            assert_eq!(member.span.end, (member.span.data + member.span.size).next_multiple_of(512));
            end = member.span.end;
        }
        assert_eq!(inventory.total_size, end + 1024);
        assert!(inventory.total_size > total + size);
        assert_eq!(inventory.blob(&digest(1)).unwrap().1.size, size);
    }
}
