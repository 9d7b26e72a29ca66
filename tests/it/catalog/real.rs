//! Loading every real catalog there is.

use ombundle::catalog::Loaded;

use super::shared::package_folders;

#[test]
fn every_real_package_loads_without_findings() {
    let mut bundles = 0;
    for folder in package_folders() {
        let Loaded { catalog, findings } = folder.load();
        assert_eq!(findings, [], "{}", folder.path);
        assert_eq!(catalog.packages.len(), 1, "{}", folder.path);
        bundles += catalog.packages.values().map(|package| package.bundles.len()).sum::<usize>();
    }
    assert!(bundles == 0 || bundles > 1_000, "{bundles}");
}
