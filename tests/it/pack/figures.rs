//! What packing and verifying cost: memory, and bytes written.

use ombundle::demo::{File, Generation, Image, Layer, Recipe};
use std::time::Duration;

use super::stage::{Running, Stage, pack_line};

/// Peak memory in KiB, and bytes given to write calls. Both only grow, so the last look before the end has them.
fn watched(mut running: Running) -> (u64, u64) {
    let (mut peak, mut written) = (0, 0);
    while !running.is_over() {
        peak = running.proc("status", "VmHWM").unwrap_or(0).max(peak);
        written = running.proc("io", "wchar").unwrap_or(0).max(written);
        std::thread::sleep(Duration::from_millis(5));
    }
    running.end().ended(0);
    (peak, written)
}

#[test]
fn memory_stays_small_and_nothing_is_written_twice() {
    let stage = Stage::new(Generation::First);
    let mut more = String::new();
    for number in 0..6 {
        let noise = File::noise("data", &format!("layer {number}"), 50 << 20);
        let image = Image::build(&Recipe::of(vec![Layer::of(&[noise]).unwrap()])).unwrap();
        let name = format!("registry.redhat.io/large/image-{number}:v1");
        stage.push(&image, &name);
        more += &format!("    - name: {name}\n");
    }
    let imageset = String::from_utf8(stage.read("imageset.yaml")).unwrap();
    stage.write("imageset.yaml", imageset + &more);
    let carry = stage.plan()["bytes"]["carry"].as_u64().unwrap();
    assert!(carry > 300 << 20);

    let (peak, written) = watched(Running::start(stage.command(&pack_line("a.ombundle", &["-j", "8"]))));
    eprintln!("pack: {peak} KiB, {written} bytes written of {carry}");
    assert!(peak <= 64 << 10, "{peak} KiB");
    assert!(written >= carry * 98 / 100 && written <= carry * 102 / 100, "{written} of {carry}");
    let verify = ["verify", "a.ombundle", "--trust-key", "signer.pub"];
    let (peak, _) = watched(Running::start(stage.command(&verify)));
    eprintln!("verify: {peak} KiB");
    assert!(peak <= 64 << 10, "{peak} KiB");
}
