//! An archive in volumes, imported from several folders.

use std::fs;

use ombundle::demo::Generation;

use super::stand::Stand;

/// `first/plan.json` packed in volumes, every other of them in another folder.
fn cut(stand: &Stand) {
    stand.incumbent();
    stand.publish(Generation::First);
    stand.pack("first", "");
    fs::create_dir_all(stand.path("odd")).unwrap();
    fs::create_dir_all(stand.path("even")).unwrap();
    stand.ok("pack --plan @first/plan.json --key @signer.key --volume-size 64KiB -o @odd/first.ombundle");
    for number in (2..1_000).step_by(2) {
        let file = format!("first.ombundle.{number:03}");
        if !stand.path(&format!("odd/{file}")).exists() {
            assert!(number > 2, "there should be some volumes");
            break;
        }
        for name in [file.clone(), format!("{file}.json")] {
            fs::rename(stand.path(&format!("odd/{name}")), stand.path(&format!("even/{name}"))).unwrap();
        }
    }
}

#[test]
fn volumes_in_two_folders_are_one_archive() {
    let stand = Stand::plain();
    cut(&stand);
    let before = stand.served();
    let line = "import @even @odd --site @site.yaml --cluster @first/csvs.json --cluster @first/subscriptions.json -o @first/out";

    // Half of it, and a damaged half: nothing was written, and the volume has its name.
    let half = stand.run(&line.replace("@even ", ""));
    assert_eq!(half.code, Some(3), "{half:?}");
    assert!(half.stderr.contains("copy again: first.ombundle.002"), "{half:?}");
    let path = stand.path("even/first.ombundle.002");
    let good = fs::read(&path).unwrap();
    let mut bytes = good.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let damaged = stand.run(line);
    assert_eq!(damaged.code, Some(3), "{damaged:?}");
    assert!(damaged.stderr.contains("volume 2 of"), "{damaged:?}");
    assert_eq!(stand.served(), before);

    fs::write(&path, good).unwrap();
    stand.ok(line);
    assert_ne!(stand.served(), before);
    stand.ok("check --site @site.yaml");
}
