//! A medium that is pulled out while an archive is read.

use std::fs;

use super::stand::{Stand, finish};

#[test]
fn a_medium_that_is_gone_stops_the_import_and_the_next_one_goes_on() {
    let stand = Stand::plain();
    stand.first();
    let before = stand.served();
    // How often the archive is read to judge it: what comes after that goes to staging.
    let verify = "verify @first.ombundle --site @site.yaml";
    let judged = finish(stand.traced_at("first.ombundle", "delay_enter=1:when=65535", verify));
    assert_eq!(judged.code, Some(0), "{judged:?}");
    let reads = fs::read_to_string(stand.path("strace.log")).unwrap().lines().count();
    assert!(reads > 20, "{reads} reads");
    let line = Stand::import_line("first");
    for (what, line, from) in [
        ("judging", verify, 1),
        ("judging", verify, reads / 2),
        ("judging", line.as_str(), reads / 2),
        ("staging", line.as_str(), reads + 10),
    ] {
        let gone = finish(stand.traced_at("first.ombundle", &format!("error=EIO:when={from}+"), line));
        assert_eq!(gone.code, Some(3), "{what} from read {from}: {gone:?}");
        assert!(gone.stderr.contains("Input/output error"), "{what} from read {from}: {gone:?}");
        assert_eq!(stand.served(), before, "{what} from read {from}");
        assert!(!stand.path("first/out").exists());
    }
    stand.ok(&line);
    assert_ne!(stand.served(), before);
    stand.ok("check --site @site.yaml");
}
