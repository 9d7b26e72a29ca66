//! Tests of what people write.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::finding::Severity;
use crate::limits::LIMITS;
use crate::release::Architecture;

const HEAD: &str = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\n";

fn findings(text: &str) -> Vec<String> {
    let (request, findings) = parse(text.as_bytes(), "isc.yaml", &LIMITS);
    let errors = findings.iter().any(|finding| finding.severity == Severity::Error);
    assert_eq!(request.is_none(), errors, "{findings:?}");
    assert!(findings.iter().all(|finding| finding.file.as_deref() == Some("isc.yaml")));
    findings.iter().map(|finding| format!("{} {}", finding.line.unwrap(), finding.code)).collect()
}

fn request(text: &str) -> Request {
    let (request, findings) = parse(text.as_bytes(), "isc.yaml", &LIMITS);
    request.unwrap_or_else(|| panic!("{findings:#?}"))
}

fn selections(channel: &ChannelRequest) -> Vec<String> {
    channel.selections.iter().map(ToString::to_string).collect()
}

/// Both files of the two-port procedure, as people wrote them.
#[test]
fn the_upgrade_files_of_the_two_port_procedure_mean_what_they_say() {
    let upgrade = format!(
        "{HEAD}mirror:
  operators:
  - catalog: registry.redhat.io/redhat/redhat-operator-index:v4.20
    packages:
      - name: web-terminal
        defaultChannel: fast
        channels:
        - name: fast
          minVersion: 1.8.0
          maxVersion: 1.8.0
        - name: fast
          minVersion: 1.9.0
          maxVersion: 1.9.0
"
    );
    assert_eq!(findings(&upgrade), ["13 ISC_DUPLICATE_CHANNEL"]);
    let asked = request(&upgrade);
    let package = &asked.operators[0].packages[0];
    assert_eq!(
        asked.operators[0].catalog.to_string(),
        "registry.redhat.io/redhat/redhat-operator-index:v4.20"
    );
    assert_eq!(
        (package.name.as_str(), package.default_channel.as_deref(), package.line),
        ("web-terminal", Some("fast"), 7)
    );
    assert_eq!(package.channels.len(), 1);
    assert_eq!(selections(&package.channels[0]), ["1.8.0", "1.9.0"]);

    let new_version = upgrade
        .replace("        - name: fast\n          minVersion: 1.8.0\n          maxVersion: 1.8.0\n", "");
    assert_eq!(findings(&new_version), Vec::<String>::new());
    assert_eq!(selections(&request(&new_version).operators[0].packages[0].channels[0]), ["1.9.0"]);
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let text = "kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v3
archiveSize: 0
extra: 1
mirror:
  operators:
  - catalog: registry.redhat.io/redhat/redhat-operator-index
    pakages: []
    full: perhaps
    packages:
    - name: a
      minVersion: 1.8
      maxVersion: latest
      channels:
      - name: x
        minVersion: 2.0.0
        maxVersion: 1.0.0
      - minversion: 1.0.0
    - name: a
      defaultChannel: y
      channels:
      - name: x
  - catalog: ubi9
  additionalImages:
  - name: quay.io/a/b
  - name: quay.io/A:x
    targetRepo: /x
  blockedImages:
  - name: '('
  blockedImages: []
";
    assert_eq!(
        findings(text),
        [
            "2 ISC_API_VERSION",
            "3 ISC_ARCHIVE_SIZE",
            "4 ISC_UNKNOWN_FIELD",
            "7 ISC_REFERENCE",
            "8 ISC_UNKNOWN_FIELD",
            "9 ISC_WRONG_TYPE",
            "12 ISC_WRONG_TYPE",
            "13 ISC_VERSION",
            "16 ISC_EMPTY_RANGE",
            "18 ISC_UNKNOWN_FIELD",
            "18 ISC_MISSING_FIELD",
            "19 ISC_DUPLICATE_PACKAGE",
            "20 ISC_DEFAULT_CHANNEL",
            "23 ISC_REFERENCE",
            "23 ISC_WHOLE_CATALOG",
            "25 ISC_REFERENCE",
            "26 ISC_REFERENCE",
            "27 ISC_TARGET",
            "29 ISC_REGEX",
            "30 ISC_DUPLICATE_KEY",
        ]
    );
}

#[test]
fn releases_are_asked_for_by_channel_or_by_image() {
    let text = format!(
        "{HEAD}mirror:
  platform:
    graph: true
    architectures: [amd64, x86_64, arm64]
    channels:
    - {{name: stable-4.20, type: ocp, minVersion: 4.19.3, maxVersion: 4.20.5, shortestPath: true}}
    - {{name: eus-4.20, full: true}}
    release: 'quay.io/openshift-release-dev/ocp-release:4.20.3-x86_64'
    kubeVirtContainer: true
"
    );
    assert_eq!(findings(&text), Vec::<String>::new());
    let platform = request(&text).platform.unwrap();
    assert_eq!((platform.line, platform.graph, platform.kubevirt), (5, true, true));
    assert_eq!(platform.architectures, [Architecture::Amd64, Architecture::Arm64]);
    assert_eq!(platform.release.unwrap().tag.unwrap().as_str(), "4.20.3-x86_64");
    let [stable, eus] = platform.channels.as_slice() else { panic!("{:?}", platform.channels) };
    let bounds = [&stable.min, &stable.max].map(|bound| bound.as_ref().unwrap().to_string());
    assert_eq!(
        (bounds, stable.shortest_path, stable.full),
        (["4.19.3".into(), "4.20.5".into()], true, false)
    );
    assert_eq!((eus.channel.as_str(), &eus.min, eus.full), ("eus-4.20", &None, true));

    let several = format!(
        "{HEAD}mirror:\n  platform:\n    platforms: [{{os: linux, architecture: arm64}}]\n    channels: [{{name: stable-4.20}}]\n"
    );
    let platform = request(&several).platform.unwrap();
    assert_eq!(platform.architectures, [Architecture::Multi]);
    assert_eq!(platform.platforms, ["linux/arm64".parse().unwrap()]);
}

#[test]
fn single_defects_have_their_own_code() {
    let catalog = "registry.redhat.io/redhat/redhat-operator-index:v4.20";
    let package = |rest: &str| {
        format!("{HEAD}mirror:\n  operators:\n  - catalog: {catalog}\n    packages:\n    - name: a\n{rest}")
    };
    let platform = |stanza: &str| format!("{}  platform: {stanza}\n", package(""));
    for (text, expected) in [
        (String::new(), &["1 ISC_SYNTAX"][..]),
        ("- a\n".to_owned(), &["1 ISC_WRONG_TYPE"]),
        ("mirror: {}\n".to_owned(), &["1 ISC_MISSING_FIELD", "1 ISC_MISSING_FIELD"]),
        (format!("{HEAD}mirror: {{}}\n"), &["3 ISC_EMPTY"]),
        (HEAD.to_owned(), &["1 ISC_MISSING_FIELD"]),
        (format!("{HEAD}mirror:\n"), &["3 ISC_MISSING_FIELD"]),
        (HEAD.replace("ImageSet", "Image"), &["1 ISC_KIND", "1 ISC_MISSING_FIELD"]),
        (HEAD.replace("Image", "DeleteImage"), &["1 ISC_KIND"]),
        (format!("{HEAD}---\n{HEAD}"), &["4 ISC_SYNTAX"]),
        (format!("{HEAD}mirror:\n  operators: [\n"), &["5 ISC_SYNTAX"]),
        (package(""), &[]),
        (
            package("      minVersion: 1.0.0\n      channels: [{name: x, maxVersion: 2.0.0}]\n"),
            &["9 ISC_MIXED_RANGES"],
        ),
        (package("      minBundle: a.v1\n"), &["8 ISC_UNKNOWN_FIELD"]),
        (package("      minVersion: \"1.8\"\n"), &["8 ISC_VERSION"]),
        (
            package("      minVersion: \"1.8\"\n").replace("packages", "full: true\n    packages"),
            &["8 ISC_FULL_WITH_RANGE", "9 ISC_VERSION"],
        ),
        (format!("{}storageConfig: {{local: {{path: x}}}}\n", package("")), &["8 ISC_UNKNOWN_FIELD"]),
        (format!("{}  samples: [{{name: x}}]\n", package("")), &["8 ISC_IGNORED_FIELD"]),
        (platform("{graf: true}"), &["8 ISC_UNKNOWN_FIELD", "8 ISC_NO_RELEASE"]),
        (platform("{graph: true}"), &["8 ISC_NO_RELEASE"]),
        (platform("{}"), &["8 ISC_NO_RELEASE"]),
        (platform("{release: ''}"), &["8 ISC_NO_RELEASE"]),
        (format!("{HEAD}mirror:\n  platform: {{graph: true}}\n"), &["4 ISC_NO_RELEASE", "4 ISC_EMPTY"]),
        (platform("{release: quay.io/a/ocp-release}"), &["8 ISC_REFERENCE"]),
        (platform("{channels: [{}]}"), &["8 ISC_MISSING_FIELD"]),
        (platform("{channels: [{name: Stable}]}"), &["8 ISC_CHANNEL"]),
        (platform("{channels: [{name: stable-4.20}, {name: stable-4.20}]}"), &["8 ISC_DUPLICATE_CHANNEL"]),
        (platform("{channels: [{name: stable-4, type: okd}]}"), &["8 NOT_YET_OKD"]),
        (platform("{channels: [{name: stable-4, type: rosa}]}"), &["8 ISC_TYPE"]),
        (platform("{channels: [{name: stable-4.20, minVersion: '4.20'}]}"), &["8 ISC_VERSION"]),
        (
            platform("{channels: [{name: stable-4.20, minVersion: 4.20.5, maxVersion: 4.20.1}]}"),
            &["8 ISC_EMPTY_RANGE"],
        ),
        (platform("{architectures: [amd63], channels: [{name: stable-4.20}]}"), &["8 ISC_ARCHITECTURE"]),
        (
            platform(
                "{architectures: [amd64], platforms: [{os: linux, architecture: amd64}], channels: [{name: a}]}",
            ),
            &["8 ISC_PLATFORM"],
        ),
        (format!("{}  helm:\n    local: [{{name: c, path: x}}]\n", package("")), &["8 NOT_YET_HELM"]),
        (package("").replace(catalog, "oci:///srv/index"), &["5 NOT_YET_LAYOUT"]),
        (
            package("").replace("    packages", "    targetCatalog: a/b\n    targetTag: v1\n    packages"),
            &["6 ISC_IGNORED_FIELD", "7 ISC_IGNORED_FIELD"],
        ),
    ] {
        assert_eq!(findings(&text), expected, "{text}");
    }
}

#[test]
fn v1alpha2_has_fields_of_its_own() {
    let text = "kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v1alpha2
archiveSize: 4
storageConfig: {registry: {imageURL: quay.io/a/b:c, skipTLS: false}}
mirror:
  operators:
  - catalog: registry.redhat.io/redhat/redhat-operator-index:v4.12
    targetName: mine
    skipDependencies: yes
    packages:
    - name: a
      channels: [{name: x, minBundle: a.v1.2.3}]
";
    assert_eq!(findings(text), ["4 ISC_IGNORED_FIELD", "8 ISC_IGNORED_FIELD"]);
    let asked = request(text);
    assert_eq!(asked.archive_size, Some(4 << 30));
    assert!(asked.operators[0].skip_dependencies);
    assert_eq!(selections(&asked.operators[0].packages[0].channels[0]), ["a.v1.2.3 and above"]);
}

#[test]
fn images_are_blocked_by_a_pattern_anywhere() {
    let asked = request(&format!(
        "{HEAD}mirror:
  additionalImages:
  - {{name: 'registry.redhat.io/ubi9/ubi:latest', targetRepo: base/ubi, targetTag: '9', platforms: [{{os: linux, architecture: amd64}}]}}
  blockedImages: [{{name: '.*must-gather.*'}}, {{name: '^quay.io/a'}}]
"
    ));
    let image = &asked.additional[0];
    assert_eq!(image.image.to_string(), "registry.redhat.io/ubi9/ubi:latest");
    assert_eq!(image.target_repository.as_ref().unwrap().as_str(), "base/ubi");
    assert_eq!(image.target_tag.as_ref().unwrap().as_str(), "9");
    assert_eq!(image.platforms, [crate::oci::Platform::linux_amd64()]);
    assert!(asked.blocks("quay.io/openshift/origin-must-gather:4.20").is_some());
    assert!(asked.blocks("quay.io/a/b@sha256:0").is_some());
    assert!(asked.blocks("registry.redhat.io/quay.io/a").is_none());
}

proptest! {
    /// The request always says why there is none, whatever the bytes are.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (request, findings) = parse(&bytes, "isc.yaml", &LIMITS);
        prop_assert_eq!(request.is_none(), crate::finding::has_errors(&findings));
    }

    /// Files that are nearly right: pieces of real ones in any order.
    #[test]
    fn any_pieces_are_read_or_refused(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..20)) {
        let text = HEAD.to_owned() + &pieces.concat();
        let (request, findings) = parse(text.as_bytes(), "isc.yaml", &LIMITS);
        prop_assert_eq!(request.is_none(), crate::finding::has_errors(&findings));
    }
}

/// Lines and pieces of lines that an ImageSetConfiguration is made of.
const PIECES: &[&str] = &[
    "mirror:\n",
    "  operators:\n",
    "  - catalog: quay.io/a/b:c\n",
    "  - catalog: oci://x\n",
    "    packages:\n",
    "    - name: a\n",
    "      channels:\n",
    "      - name: x\n",
    "        minVersion: 1.2.3\n",
    "        maxVersion: '1.0.0-0'\n",
    "      minVersion: 1.8\n",
    "      defaultChannel: x\n",
    "    full: true\n",
    "    targetTag: v1\n",
    "  additionalImages: [{name: quay.io/a/b:c}]\n",
    "  blockedImages: [{name: '('}]\n",
    "  platform: {graph: true}\n",
    "  helm: {local: []}\n",
    "archiveSize: 4\n",
    "archiveSize: -1\n",
    "&a",
    "*a",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "|\n",
    "\"",
    "'",
    "#",
    "\t",
    "\n",
    "---\n",
    "...\n",
    "!!str ",
    "? ",
    "é",
    "\u{85}",
];

fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("OMBUNDLE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    root.join("data/isc").is_dir().then_some(root)
}

fn yaml_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            yaml_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            into.push(path);
        }
    }
}

/// What each file that peers and people use must give, by file name; the others must be taken without a word.
const PEERS: [(&str, &[&str]); 17] = [
    ("imageset-config-upgrade.yaml", &["ISC_DUPLICATE_CHANNEL"]),
    ("isc.yaml", &["NOT_YET_LAYOUT"]),
    ("delete-isc.yaml", &["ISC_KIND"]),
    ("disc-happy-path.yaml", &["ISC_KIND"]),
    ("disc-signatures.yaml", &["ISC_KIND"]),
    ("isc-generic-error.yaml", &["ISC_UNKNOWN_FIELD"]),
    ("isc-helm-error.yaml", &["NOT_YET_HELM"]),
    ("isc-operator-helm-error.yaml", &["NOT_YET_HELM"]),
    ("isc-happy-path.yaml", &["NOT_YET_HELM"]),
    ("isc-operator-invalid-images.yaml", &["ISC_WHOLE_CATALOG"]),
    ("isc-operator-invalid-version-range.yaml", &["ISC_EMPTY_RANGE"]),
    ("isc-archs-multi.yaml", &["ISC_NO_RELEASE"]),
    ("isc-platforms-and-archs.yaml", &["ISC_PLATFORM"]),
    ("isc-signed-catalog-unsigned-additional.yaml", &["ISC_WHOLE_CATALOG"]),
    ("isc-signatures.yaml", &["ISC_WHOLE_CATALOG"]),
    ("isc-sparse-full-multi.yaml", &["NOT_YET_HELM"]),
    ("isc-sparse-full.yaml", &["NOT_YET_HELM"]),
];

#[test]
fn files_of_peers_and_people_are_read() {
    let Some(root) = shared() else { return };
    let mut files = Vec::new();
    yaml_files(&root.join("data/isc"), &mut files);
    assert!(files.len() >= 35, "{} files", files.len());
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let (_, found) = parse(&std::fs::read(&file).unwrap(), name, &LIMITS);
        let mut codes: Vec<_> = found.iter().map(|finding| finding.code.as_str()).collect();
        codes.dedup();
        let expected = PEERS.iter().find(|(peer, _)| *peer == name).map_or(&[][..], |(_, codes)| codes);
        assert_eq!(codes, expected, "{name}: {found:#?}");
    }
}
