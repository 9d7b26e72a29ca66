//! Volumes that are whole, and all the ways in which they are not.

use super::*;

const SIZE: u64 = 1_000;

/// The volumes of an archive of 2,500 bytes, as they were written.
fn written(archive: &str) -> Vec<Candidate> {
    let cut = Cut::of(2_500, SIZE).unwrap();
    let volume = |index| {
        let name = VolumeName { archive: "a.ombundle".to_owned(), number: index + 1, extension: None };
        let range = cut.range(index);
        let label = VolumeLabel {
            format: VolumeLabel::FORMAT.to_owned(),
            inventory: Digest::of(archive.as_bytes()),
            file: name.file(),
            number: index + 1,
            count: cut.count(),
            offset: range.start,
            size: range.end - range.start,
            total: 2_500,
            digest: Digest::of(&index.to_be_bytes()),
        };
        Candidate {
            path: PathBuf::from(archive).join(name.file()),
            name,
            size: label.size,
            label: Some(label),
        }
    };
    (0..3).map(volume).collect()
}

fn codes(findings: &[Finding]) -> Vec<(&str, &str)> {
    findings.iter().map(|finding| (finding.code.as_str(), finding.subject.as_str())).collect()
}

#[test]
fn volumes_are_taken_in_any_order() {
    let mut found = written("one");
    found.reverse();
    let sorted = sort(found).unwrap();
    assert_eq!(sorted.cut, Cut::of(2_500, SIZE).unwrap());
    assert_eq!(sorted.inventory, Some(Digest::of(b"one")));
    let numbers: Vec<u64> = sorted.volumes.iter().map(|copies| copies[0].name.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(sorted.findings, []);
}

#[test]
fn what_is_missing_is_named_with_the_list_to_copy_again() {
    let mut found = written("one");
    found.remove(1);
    found.remove(0);
    let findings = sort(found).unwrap_err();
    assert_eq!(
        codes(&findings),
        [("VOLUME_MISSING", "a.ombundle.001"), ("VOLUME_MISSING", "a.ombundle.002")]
    );
    assert_eq!(findings[0].message, "volume 1 of 3 is missing");
    assert_eq!(findings[1].hint, "copy again: a.ombundle.001, a.ombundle.002");
}

#[test]
fn half_a_volume_is_missing_too() {
    let mut found = written("one");
    found[2].size = 499;
    let findings = sort(found).unwrap_err();
    assert_eq!(codes(&findings), [("VOLUME_TORN", "one/a.ombundle.003")]);
    assert_eq!(findings[0].message, "it has 499 of 500 bytes of volume 3 of 3");
    assert_eq!(findings[0].hint, "copy again: a.ombundle.003");
}

#[test]
fn a_volume_of_another_archive_with_the_same_name_is_left_aside() {
    let mut found = written("one");
    found.push(written("two").remove(1));
    let sorted = sort(found).unwrap();
    assert_eq!(codes(&sorted.findings), [("VOLUME_FOREIGN", "two/a.ombundle.002")]);
    assert_eq!(sorted.volumes[1].len(), 1);
    // It does not stand in for the one that is missing.
    let mut found = written("one");
    found[1] = written("two").remove(1);
    let findings = sort(found).unwrap_err();
    let missing = |finding: &&Finding| finding.code == "VOLUME_MISSING";
    assert_eq!(
        findings.iter().filter(missing).count(),
        3,
        "one of the first archive, two of the second: {findings:?}"
    );
}

#[test]
fn two_whole_archives_are_one_too_many() {
    let found = written("one").into_iter().chain(written("two")).collect();
    let findings = sort(found).unwrap_err();
    assert_eq!(codes(&findings), [("VOLUME_AMBIGUOUS", "a.ombundle"), ("VOLUME_AMBIGUOUS", "a.ombundle")]);
}

#[test]
fn copies_are_kept_for_whoever_can_hash_them() {
    let mut found = written("one");
    let mut copy = found[0].clone();
    copy.path = PathBuf::from("elsewhere/a.ombundle.001");
    found.push(copy);
    let sorted = sort(found).unwrap();
    assert_eq!(sorted.volumes[0].len(), 2);
    assert_eq!(codes(&sorted.findings), [("VOLUME_DOUBLED", "a.ombundle.001")]);
}

#[test]
fn a_lost_label_is_no_lost_volume() {
    let mut found = written("one");
    found[1].label = None;
    let sorted = sort(found).unwrap();
    assert_eq!(codes(&sorted.findings), [("VOLUME_UNLABELLED", "one/a.ombundle.002")]);
    assert_eq!(sorted.volumes.len(), 3);
}

#[test]
fn without_any_label_names_and_sizes_must_fit() {
    let bare = || -> Vec<Candidate> {
        written("one").into_iter().map(|candidate| Candidate { label: None, ..candidate }).collect()
    };
    let without = |number: usize| {
        let mut found = bare();
        found.remove(number - 1);
        sort(found)
    };
    let sorted = sort(bare()).unwrap();
    assert_eq!((sorted.cut.total(), sorted.cut.count(), sorted.inventory), (2_500, 3, None));
    assert_eq!(sorted.findings.len(), 3);
    assert!(without(1).is_err(), "without the first");
    assert!(without(2).is_err(), "without the second");
    // That the last is missing nobody can know but the archive itself.
    assert_eq!(without(3).unwrap().cut.total(), 2_000);
}

#[test]
fn nothing_is_no_archive() {
    assert_eq!(sort(Vec::new()), Err(Vec::new()));
}
