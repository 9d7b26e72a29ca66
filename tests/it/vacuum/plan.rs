//! What a plan says, and that making one changes nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use ombundle::catalog::Catalog;
use ombundle::demo::{Generation, ImageSize, World};
use ombundle::digest::Digest;
use ombundle::oci::RawManifest;
use ombundle::oci::media::OCI_INDEX as INDEX;
use ombundle::reference::ImageRef;
use serde_json::{Value, json};

use super::site::{CLUSTER, PLAN, codes, dump, gone, kept, planned, two_generations};
use crate::import::catalogs;
use crate::import::stand::Stand;
use crate::import::stock::{self, Skopeo};

fn offered(stand: &Stand, catalog: &ImageRef) -> Catalog {
    catalogs::catalog(&catalogs::files(stand, catalog))
}

/// Every image that a catalog asks for, where the site has it.
fn asked_for(stand: &Stand, catalog: &ImageRef) -> BTreeSet<(String, Digest)> {
    let catalog = offered(stand, catalog);
    let bundles = catalog.packages.values().flat_map(|package| package.bundles.values());
    let images = bundles.flat_map(|bundle| {
        bundle.related_images.iter().map(|related| related.image.clone()).chain([bundle.image.clone()])
    });
    let place = |image: String| {
        let image: ImageRef = image.parse().unwrap();
        let place = Stand::at(&stand.production.host(), &image.repository);
        Some((place.repository.to_string(), image.digest?))
    };
    images.filter_map(place).collect()
}

fn bundle(stand: &Stand, name: &str) -> (String, Digest) {
    let catalog = offered(stand, &format!("{}-prev-2", stand.catalog()).parse().unwrap());
    let found = catalog.packages.values().find_map(|package| package.bundles.get(name)).unwrap();
    let image: ImageRef = found.image.parse().unwrap();
    let place = Stand::at(&stand.production.host(), &image.repository);
    (place.repository.to_string(), image.digest.unwrap())
}

#[test]
fn without_a_whole_dump_everything_stays() {
    let stand = two_generations();
    let before = (stand.holdings(), stand.production.changes());
    let blind = stand.ok("vacuum --site @site.yaml --format json").json();
    assert_eq!((codes(&blind), &blind["totals"]["gone"]), (vec!["NO_DUMP".to_owned()], &json!(0)));
    let half = "vacuum --site @site.yaml --cluster @second/csvs.json --cluster @second/subscriptions.json --format json";
    let half = stand.ok(half).json();
    assert_eq!((codes(&half), &half["totals"]["gone"]), (vec!["DUMP_INCOMPLETE".to_owned()], &json!(0)));
    assert_eq!(half["catalogs"], json!([]));
    // Another site imports into the same registry.
    dump(&stand, &stand.catalog().to_string(), &[]);
    let (state, client) = (stand.production.repository("ombundle/state"), stand.client());
    let tag = ombundle::registry::Target::Tag("g0002.small-world".parse().unwrap());
    let manifest = client.manifest(&state, &tag).unwrap().unwrap();
    let other = ombundle::registry::Target::Tag("g0001.elsewhere".parse().unwrap());
    client.push_manifest(&state, &other, &manifest).unwrap();
    let shared = planned(&stand);
    assert_eq!((codes(&shared), &shared["totals"]["gone"]), (vec!["SHARED_REGISTRY".to_owned()], &json!(0)));
    // Its name says nothing of its cluster; a dump of that does.
    let unknown = stand.ok(&format!("{PLAN} --covers elsewhere")).json();
    assert_eq!(
        (codes(&unknown), &unknown["totals"]["gone"]),
        (vec!["DUMP_INCOMPLETE".to_owned()], &json!(0))
    );
    stand.write("other.json", &stand.text("dump.json").replace(CLUSTER, "other"));
    let covered = stand.ok(&format!("{PLAN} --cluster @other.json --covers elsewhere")).json();
    assert_eq!(codes(&covered), [""; 0]);
    assert_ne!(covered["totals"]["gone"], 0);
    let changes = stand.production.changes() - 1;
    assert_eq!((stand.holdings()[0].len(), changes), (before.0[0].len(), before.1), "a plan wrote something");
}

#[test]
fn what_a_catalog_that_stays_offers_stays() {
    let stand = two_generations();
    let served = stand.catalog().repository.pin(stand.served().unwrap());
    dump(&stand, &served.to_string(), &[]);
    let plan = planned(&stand);
    // The same again, byte for byte.
    let first = stand.text("vacuum.json");
    planned(&stand);
    assert_eq!(stand.text("vacuum.json"), first);
    let (gone, kept) = (gone(&plan), kept(&plan));
    assert!(gone.is_disjoint(&kept));
    for tag in ["", "-prev-2"] {
        let asked = asked_for(&stand, &format!("{}{tag}", stand.catalog()).parse().unwrap());
        assert!(asked.len() > 4 && asked.is_subset(&kept), "{tag}");
    }
    // What is below the installed versions is cut, and stays for now: the way back offers it.
    let removed = &plan["catalogs"][0]["removed"];
    let below = ["web-terminal.v1.10.0", "web-terminal.v1.8.0", "web-terminal.v1.9.0"];
    assert_eq!(removed["web-terminal"]["bundles"], json!(below));
    let below = ["devworkspace-operator.v0.20.0", "devworkspace-operator.v0.21.0"];
    assert_eq!(removed["devworkspace-operator"]["bundles"], json!(below));
    assert_eq!(removed.as_object().unwrap().len(), 2);
    assert!(kept.contains(&bundle(&stand, "web-terminal.v1.9.0")));
    assert!(plan["totals"]["later"].as_u64() > Some(0), "{}", plan["totals"]);
    // What the first generation replaced is no way back any more.
    let catalogs = stand.catalog().repository.repository.to_string();
    let before = stand.digest_of(&format!("{}-prev-1", stand.catalog()).parse().unwrap()).unwrap();
    assert!(gone.contains(&(catalogs, before)), "{gone:?}");
    // A signature stays with what it is attached to.
    let signatures = stock::plan(&stand, "second");
    for image in signatures.images.iter().filter(|image| image.tag.is_some()) {
        let place = stock::place(&stand.production.host(), image).repository.to_string();
        assert!(kept.contains(&(place, image.root.digest)), "{}", image.source);
    }
}

/// Without ways back, and with clusters that serve something else, what is below all that is installed goes; unless a cluster says
/// otherwise.
#[test]
fn what_a_cluster_names_stays() {
    let stand = two_generations();
    stand.edit("site.yaml", "  state: ./state", "  keepGenerations: 0\n  state: ./state");
    let (repository, digest) = bundle(&stand, "web-terminal.v1.9.0");
    let below = (repository.clone(), digest);
    let elsewhere = format!("other.example/catalog@{}", Digest::of(b"elsewhere"));
    let goes = |catalog: &str, images: &[String]| {
        dump(&stand, catalog, images);
        gone(&planned(&stand)).contains(&below)
    };
    assert!(goes(&elsewhere, &[]));
    let served = stand.catalog().repository.pin(stand.served().unwrap());
    assert!(!goes(&served.to_string(), &[]), "a cluster serves a catalog that offers it");
    assert!(!goes(&elsewhere, &[format!("registry.redhat.io/any@{digest}")]), "a pod runs it");
    // A pod names the image for its machine, be it of an index that stays for nothing, or of one that is to be cut.
    for tag in [format!("{}-prev-2", stand.catalog().tag.unwrap()), stand.catalog().tag.unwrap().to_string()]
    {
        let place = stand.catalog().repository;
        let target = ombundle::registry::Target::Tag(tag.parse().unwrap());
        let child = stand.client().manifest(&place, &target).unwrap().unwrap();
        let entry = json!({"mediaType": child.media_type(), "digest": child.digest(), "size": child.size(),
                           "platform": {"os": "linux", "architecture": "amd64"}});
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).to_string();
        let index = RawManifest::new(index.into_bytes(), Some(INDEX)).unwrap();
        stand.client().push_manifest(&place, &target, &index).unwrap();
        assert!(goes(&elsewhere, &[]), "{tag}");
        assert!(!goes(&elsewhere, &[format!("{place}@{}", child.digest())]), "a pod serves {tag}");
    }
    // Somebody gave it a name.
    dump(&stand, &elsewhere, &[]);
    let place = stand.production.repository(&repository);
    let manifest = stand.client().manifest(&place, &digest.into()).unwrap().unwrap();
    let name = ombundle::registry::Target::Tag("precious".parse().unwrap());
    stand.client().push_manifest(&place, &name, &manifest).unwrap();
    assert!(kept(&planned(&stand)).contains(&below), "it has a name");
}

/// Lays a manifest with this text under the tag `x` of a repository.
fn lay(stand: &Stand, repository: &str, text: &str) {
    let hex = Digest::of(text.as_bytes()).hex();
    let root = stand.production.storage().join("docker/registry/v2");
    let manifests = root.join("repositories").join(repository).join("_manifests");
    let write = |path: PathBuf, text: &str| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    fs::create_dir_all(manifests.with_file_name("_layers")).unwrap();
    for link in
        ["tags/x/current".to_owned(), format!("tags/x/index/sha256/{hex}"), format!("revisions/sha256/{hex}")]
    {
        write(manifests.join(link).join("link"), &format!("sha256:{hex}"));
    }
    write(root.join(format!("blobs/sha256/{}/{hex}/data", &hex[..2])), text);
}

#[test]
fn what_is_not_the_sites_is_left_alone_and_may_be_unreadable() {
    let stand = two_generations();
    let odd = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:odd", "size": 2}, "layers": [],
    });
    lay(&stand, "somebody/closed", &odd.to_string());
    let foreign = stand.production.repository("somebody/else");
    let (repository, digest) = bundle(&stand, "web-terminal.v1.9.0");
    let from = stand.production.repository(&repository);
    let manifest = stand.client().manifest(&from, &digest.into()).unwrap().unwrap();
    Skopeo::new(&stand).copy(&from.pin(digest).to_string(), &format!("{foreign}:x"));
    stand.edit("site.yaml", "  state: ./state", "  keepGenerations: 0\n  state: ./state");
    dump(&stand, "other.example/catalog:v1", &[]);
    let plan = planned(&stand);
    let others: Vec<Value> = vec![json!("ombundle/state"), json!("somebody/closed"), json!("somebody/else")];
    assert_eq!(plan["others"], json!(others));
    assert!(gone(&plan).contains(&(repository.clone(), digest)));
    // Its layers are shared: they are not promised to be freed.
    let shared = plan["repositories"][&repository]["shared"].as_u64().unwrap();
    assert!(shared > manifest.size(), "{}", plan["repositories"][&repository]);
}

/// The site file calls the catalog's repository by a wrong name: what it offers must not go for that.
#[test]
fn a_catalog_that_the_site_file_forgot_keeps_what_it_offers() {
    let stand = two_generations();
    let asked = asked_for(&stand, &stand.catalog());
    stand.edit(
        "site.yaml",
        "mirror: olm-redhat/redhat/redhat-operator-index:v4.20",
        "mirror: olm-redhat/typo:v4.20",
    );
    dump(&stand, "other.example/catalog:v1", &[]);
    let plan = planned(&stand);
    assert!(asked.len() > 4 && asked.is_subset(&kept(&plan)), "{:?}", gone(&plan));
    assert_eq!(plan["catalogs"], json!([]));
}

#[test]
fn an_import_that_was_broken_off_comes_first() {
    let stand = two_generations();
    dump(&stand, &stand.catalog().to_string(), &[]);
    let journal = stand.text("state/journal.jsonl");
    let lines: Vec<&str> = journal.lines().collect();
    let committed = lines.iter().rposition(|line| line.contains("\"committed\"")).unwrap();
    stand.write("state/journal.jsonl", &format!("{}\n", lines[..committed].join("\n")));
    let plan = planned(&stand);
    assert_eq!((codes(&plan), &plan["totals"]["gone"]), (vec!["UNFINISHED_IMPORT".to_owned()], &json!(0)));
}

/// What somebody gave a catalog's repository is no catalog: what it offers is not known, so nothing goes and nothing is cut.
#[test]
fn a_catalog_that_cannot_be_read_lets_nothing_go() {
    let stand = two_generations();
    stand.edit("site.yaml", "  state: ./state", "  keepGenerations: 0\n  state: ./state");
    dump(&stand, "other.example/catalog:v1", &[]);
    assert_eq!(planned(&stand)["catalogs"].as_array().unwrap().len(), 1);
    let (repository, digest) = bundle(&stand, "web-terminal.v1.9.0");
    let from = stand.production.repository(&repository).pin(digest);
    let strange = format!("{}:strange", stand.catalog().repository);
    Skopeo::new(&stand).copy(&from.to_string(), &strange);
    let plan = stand.expect(PLAN, 10).json();
    assert_eq!((codes(&plan), &plan["totals"]["gone"]), (vec!["CATALOG_UNREADABLE".to_owned()], &json!(0)));
    assert_eq!(plan["catalogs"], json!([]));
}

/// An image that the imageset asks for by its digest has no tag but the one that holds it, and no catalog offers it.
#[test]
fn what_was_asked_for_by_digest_stays() {
    let stand = Stand::plain();
    stand.incumbent();
    stand.publish(Generation::First);
    let additional: ImageRef = World::ADDITIONAL.parse().unwrap();
    let upstream = World::generation(Generation::First, ImageSize::SMALL).unwrap();
    let digest = upstream.resolve(&additional).unwrap();
    let pinned = additional.repository.pin(digest).to_string();
    stand.edit("first/imageset.yaml", World::ADDITIONAL, &pinned);
    stand.pack("first", "");
    stand.ok(&Stand::import_line("first"));
    fs::create_dir_all(stand.path("second")).unwrap();
    for file in ["csvs.json", "subscriptions.json"] {
        fs::copy(stand.path(&format!("first/{file}")), stand.path(&format!("second/{file}"))).unwrap();
    }
    dump(&stand, &stand.catalog().to_string(), &[]);
    let place = Stand::at(&stand.production.host(), &additional.repository).repository.to_string();
    let plan = planned(&stand);
    assert_eq!(codes(&plan), [""; 0]);
    let items = plan["repositories"][&place]["kept"].as_array().unwrap();
    let item = items.iter().find(|item| item["digest"] == json!(digest)).unwrap();
    assert_eq!(item["why"][0]["rule"], "asked", "{item}");
}
