//! Which bytes of a broken archive the files that were found may hold.

use crate::digest::Digest;
use crate::volume::{Candidate, Cut};

/// Lays the files of one archive out, whole or torn, with labels or without: how it was cut, and the copies of each volume. What of it is
/// right is for others to say.
pub fn salvage(candidates: Vec<Candidate>, inventory: &Digest, total: u64) -> (Cut, Vec<Vec<Candidate>>) {
    let ours = |candidate: &Candidate| {
        candidate.label.as_ref().is_none_or(|label| label.inventory == *inventory && label.total == total)
    };
    let ours: Vec<Candidate> = candidates.into_iter().filter(ours).collect();
    let labelled = ours.iter().find_map(|candidate| candidate.label.as_ref()?.cut());
    // Without any label the largest file tells: none but the last volume is smaller, unless it is torn.
    let largest = ours.iter().map(|candidate| candidate.size).max();
    let cut = labelled.or_else(|| Cut::new(total, largest?).ok()).unwrap_or(Cut::whole(total));
    let mut volumes = vec![Vec::new(); usize::try_from(cut.count()).unwrap_or_default()];
    for candidate in ours {
        let number = candidate.label.as_ref().map_or(candidate.name.number, |label| label.number);
        let index = number.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        if let Some(copies) = index.and_then(|index| volumes.get_mut(index)) {
            copies.push(candidate);
        }
    }
    (cut, volumes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::{Shape, VolumeLabel};

    fn candidate(number: u64, size: u64, label: Option<&[u8]>) -> Candidate {
        let shape = Shape::volumes(100_000, None).unwrap();
        let name = shape.volume_name("a.ombundle", number);
        let cut = shape.cut(250_000).unwrap();
        let label = label.map(|of| VolumeLabel::of(&name, &cut, Digest::of(of), Digest::of(b"")));
        Candidate { path: format!("{number}-{size}").into(), name, size, label }
    }

    fn laid_out(candidates: Vec<Candidate>) -> (u64, Vec<Vec<u64>>) {
        let (cut, volumes) = salvage(candidates, &Digest::of(b"ours"), 250_000);
        let sizes = |copies: &Vec<Candidate>| copies.iter().map(|copy| copy.size).collect();
        (cut.range(0).end, volumes.iter().map(sizes).collect())
    }

    #[test]
    fn torn_and_missing_volumes_and_copies_are_laid_out() {
        let ours = Some(&b"ours"[..]);
        let found = vec![candidate(1, 40, ours), candidate(3, 50_000, None), candidate(1, 100_000, ours)];
        assert_eq!(laid_out(found), (100_000, vec![vec![40, 100_000], vec![], vec![50_000]]));
    }

    #[test]
    fn volumes_of_another_archive_are_left_out() {
        let found = vec![candidate(1, 100_000, Some(b"theirs")), candidate(2, 100_000, Some(b"ours"))];
        assert_eq!(laid_out(found), (100_000, vec![vec![], vec![100_000], vec![]]));
    }

    #[test]
    fn without_labels_the_largest_file_tells_how_it_was_cut() {
        let found = vec![candidate(2, 100_000, None), candidate(3, 7, None), candidate(9, 100_000, None)];
        assert_eq!(laid_out(found), (100_000, vec![vec![], vec![100_000], vec![7]]));
        assert_eq!(laid_out(vec![]), (250_000, vec![vec![]]));
    }
}
