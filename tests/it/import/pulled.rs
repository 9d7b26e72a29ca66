//! A medium that is pulled out while an archive is read.

use std::fs;

use super::stand::{Stand, finish};

#[test]
fn a_medium_that_is_gone_stops_the_import_and_the_next_one_goes_on() {
    let stand = Stand::plain();
    stand.first();
    let before = stand.served();
    // How often the archive is read: to judge it, and until all is known that would be written.
    let reads = |line: &str| {
        let counted = finish(stand.traced_at("first.ombundle", "delay_enter=1:when=65535", line));
        assert_eq!(counted.code, Some(0), "{counted:?}");
        let log = fs::read_to_string(stand.path("strace.log")).unwrap();
        let threads: std::collections::BTreeSet<&str> =
            log.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(threads.len(), 1, "{log}");
        log.lines().count()
    };
    let verify = "verify @first.ombundle --site @site.yaml";
    let import = format!("{} -j 1", Stand::import_line("first"));
    let judged = reads(verify);
    let foreseen = reads(&format!("{import} --dry-run"));
    assert!(judged > 20 && foreseen >= judged, "{judged} {foreseen}");
    for (line, from) in [(verify, 1), (verify, judged / 2), (&import, judged / 2), (&import, foreseen + 1)] {
        let gone = finish(stand.traced_at("first.ombundle", &format!("error=EIO:when={from}+"), line));
        assert_eq!(gone.code, Some(3), "from read {from}: {gone:?}");
        assert!(gone.stderr.contains("Input/output error"), "from read {from}: {gone:?}");
        assert!(gone.stderr.contains("hint: "), "from read {from}: {gone:?}");
        assert_eq!(stand.served(), before, "from read {from}");
        assert!(!stand.path("first/out").exists());
    }
    stand.ok(&import);
    assert_ne!(stand.served(), before);
    stand.ok("check --site @site.yaml");
}
