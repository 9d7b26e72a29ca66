//! A site whose file asks for two people's signatures.

use super::stand::Stand;

#[test]
fn two_signatures_are_asked_for_and_kept_for_the_next_time() {
    let stand = Stand::plain();
    stand.first();
    stand.ok("key generate --out @second");
    stand.edit("site.yaml", "signer.pub", "signer.pub, second.pub");
    stand.edit("site.yaml", "threshold: 1", "threshold: 2");
    let before = stand.served();
    let line = &Stand::import_line("first");
    let refused = stand.run(line);
    assert_eq!(refused.code, Some(4), "{refused:?}");
    assert!(refused.stderr.contains("1 of 2 required trusted keys"), "{refused:?}");
    assert_eq!(stand.served(), before);
    stand.ok("sign @first.ombundle --site @site.yaml --key @second.key");
    stand.ok(line);
    assert_ne!(stand.served(), before);

    // What production keeps of it is believed by the same rule, also when the site's own journal is lost.
    std::fs::remove_dir_all(stand.path("state")).unwrap();
    let again = stand.run(line);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(!again.stderr.contains("is not believed"), "{again:?}");
}
