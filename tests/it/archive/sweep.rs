//! Every flipped bit and every cut of a 64 KiB archive is refused, and the entry named (P1, T02, T03).

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ombundle::archive::ReadAt;
use ombundle::verify::Policy;

use super::world::{World, now, trust, verify};

/// An archive with one bit flipped, or cut.
struct Damaged {
    bytes: Arc<Vec<u8>>,
    length: usize,
    at: usize,
    mask: u8,
}

impl ReadAt for Damaged {
    fn len(&self) -> u64 {
        self.length as u64
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.bytes[..self.length].read_exact_at(buffer, offset)?;
        if let Some(position) = (self.at as u64).checked_sub(offset)
            && let Some(byte) = buffer.get_mut(usize::try_from(position).unwrap())
        {
            *byte ^= self.mask;
        }
        Ok(())
    }
}

/// 65,536 bytes, of which most are layers of odd sizes: one byte of padding, 511 bytes of padding, no content.
fn archive() -> Vec<u8> {
    let layer = |size: usize| -> Vec<u8> {
        (0..size).map(|n| u8::try_from((n * 31 + n / 251 + size) % 256).unwrap()).collect()
    };
    let pack = |size| World::with_layers(&[layer(size), layer(7_169), layer(0)]).pack(&[1]);
    let missing = 65_536 - pack(1_023).len();
    pack(1_023 + missing)
}

/// Whether all of a sweep is wanted: minutes without optimisation. CI does it.
fn full() -> bool {
    std::env::var_os("OMBUNDLE_SWEEP").is_some_and(|how| how == "full")
}

/// Member names with the end of each, the end mark included.
fn members(bytes: &[u8]) -> Vec<(String, usize)> {
    let archive = verify(Arc::new(bytes.to_vec()), &trust(&[1], 1), &Policy::at(now())).unwrap();
    let ends =
        archive.inventory().members().map(|m| (m.path.to_string(), usize::try_from(m.span.end).unwrap()));
    ends.chain([("the end mark".to_owned(), bytes.len())]).collect()
}

/// Damages the archive in `count` ways on all cores. Each must be refused, and the refusal must name a member that `allowed`
/// gives for the way.
fn sweep(bytes: Vec<u8>, count: usize, damage: impl Fn(usize) -> (usize, usize, u8) + Sync) {
    let members = members(&bytes);
    let bytes = Arc::new(bytes);
    let (trust, policy) = (trust(&[1], 1), Policy::at(now()));
    let next = AtomicUsize::new(0);
    let missed = Mutex::new(BTreeSet::new());
    let work = || {
        loop {
            let start = next.fetch_add(512, Ordering::Relaxed);
            if start >= count {
                return;
            }
            for case in start..count.min(start + 512) {
                let (length, at, mask) = damage(case);
                let place = if mask == 0 { length } else { at };
                let damaged = Arc::new(Damaged { bytes: Arc::clone(&bytes), length, at, mask });
                let hit = &members.iter().find(|(_, end)| place < *end).unwrap().0;
                let fine = verify(damaged, &trust, &policy).is_err_and(|refused| {
                    let [refusal] = refused.refusals() else { return false };
                    // A signature that does not fit may be a damaged signature or a damaged inventory.
                    refusal.entry == *hit
                        || refusal.entry == "sig" && hit.starts_with("sig/")
                        || refusal.entry.starts_with("sig/") && hit == "inventory.json"
                });
                if !fine {
                    missed.lock().unwrap().insert((place, mask, hit.clone()));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(work);
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(
        missed.is_empty(),
        "{} of {count} missed: {:?}",
        missed.len(),
        missed.iter().take(20).collect::<Vec<_>>()
    );
}

/// All 524,288 flips with `OMBUNDLE_SWEEP=full`; else every bit of what is read before the signature is checked, and of the
/// rest one bit of each byte, with all eight positions in every eight bytes.
#[test]
fn t02_every_flipped_bit_is_refused_and_the_entry_named() {
    let bytes = archive();
    let length = bytes.len();
    assert_eq!(length, 65_536);
    let front = members(&bytes)[2].1;
    let every = if full() { length } else { front };
    sweep(bytes, every * 8 + (length - every), |case| {
        let (at, bit) = match case.checked_sub(every * 8) {
            None => (case / 8, case % 8),
            Some(rest) => (every + rest, (rest * 5 + rest / 8) % 8),
        };
        (length, at, 1 << bit)
    });
}

/// All 65,536 cuts with `OMBUNDLE_SWEEP=full`; else every seventh, which meets every distance from a block's edge.
#[test]
fn t03_every_cut_is_refused_and_the_entry_named() {
    let bytes = archive();
    let length = bytes.len();
    let step = if full() { 1 } else { 7 };
    sweep(bytes, length / step, |case| (case * step, 0, 0));
}
