//! Who appears in the small world: operators, their versions, and what each needs.

use serde_json::{Value, json};

use crate::catalog::Gvk;
use crate::demo::world::bundle::{BundleSource, bundle_image};
use crate::demo::world::catalog::catalog_image;
use crate::demo::{DemoError, File, Flavour, Generation, Image, ImageSize, Layer, Published, Recipe, World};
use crate::oci::Platform;
use crate::reference::{ImageRef, RepositoryRef, Tag};

/// An operator of the small world.
struct Operator {
    package: &'static str,
    display_name: &'static str,
    channel: &'static str,
    bundle: &'static str,
    /// Name in the CSV, repository, how it is built; the first is the operator itself.
    images: &'static [(&'static str, &'static str, Build)],
    owned: &'static [(&'static str, &'static str, &'static str)],
    required: &'static [(&'static str, &'static str, &'static str)],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Build {
    Plain,
    /// With a signature beside it.
    Signed,
    /// For amd64 and arm64.
    Index,
    /// As docker v2s2.
    Docker,
}

/// One version, with the edge that its CSV has, and the version of devworkspace-operator that it needs.
struct Release {
    version: &'static str,
    replaces: Option<&'static str>,
    skip_range: Option<&'static str>,
    needs: Option<&'static str>,
}

const WEB_TERMINAL: Operator = Operator {
    package: "web-terminal",
    display_name: "Web Terminal",
    channel: "fast",
    bundle: "registry.redhat.io/web-terminal/web-terminal-operator-bundle",
    images: &[
        (
            "web_terminal_operator",
            "registry.redhat.io/web-terminal/web-terminal-rhel9-operator",
            Build::Signed,
        ),
        ("web_terminal_exec", "registry.redhat.io/web-terminal/web-terminal-exec-rhel9", Build::Plain),
        ("web_terminal_tooling", "registry.redhat.io/web-terminal/web-terminal-tooling-rhel9", Build::Index),
    ],
    owned: &[],
    required: &[("workspace.devfile.io", "v1alpha2", "DevWorkspace")],
};

const DEVWORKSPACE: Operator = Operator {
    package: "devworkspace-operator",
    display_name: "DevWorkspace Operator",
    channel: "fast",
    bundle: "registry.redhat.io/devworkspace/devworkspace-operator-bundle",
    images: &[
        (
            "devworkspace_operator",
            "registry.redhat.io/devworkspace/devworkspace-rhel9-operator",
            Build::Plain,
        ),
        ("project_clone", "registry.redhat.io/devworkspace/devworkspace-project-clone-rhel9", Build::Docker),
    ],
    owned: &[
        ("workspace.devfile.io", "v1alpha2", "DevWorkspace"),
        ("controller.devfile.io", "v1alpha1", "DevWorkspaceRouting"),
    ],
    required: &[],
};

const NODE_REMEDIATION: Operator = Operator {
    package: "self-node-remediation",
    display_name: "Self Node Remediation Operator",
    channel: "stable",
    bundle: "registry.redhat.io/workload-availability/self-node-remediation-operator-bundle",
    images: &[(
        "self_node_remediation",
        "registry.redhat.io/workload-availability/self-node-remediation-rhel9-operator",
        Build::Plain,
    )],
    owned: &[("self-node-remediation.medik8s.io", "v1alpha1", "SelfNodeRemediation")],
    required: &[],
};

const fn release(version: &'static str, replaces: &'static str) -> Release {
    Release { version, replaces: Some(replaces), skip_range: None, needs: None }
}

const fn needing(version: &'static str, replaces: &'static str, needs: &'static str) -> Release {
    Release { version, replaces: Some(replaces), skip_range: None, needs: Some(needs) }
}

const WEB_TERMINAL_FIRST: &[Release] = &[
    needing("1.7.0", "1.6.0", ">=0.20.0"),
    needing("1.8.0", "1.7.0", ">=0.20.0"),
    needing("1.9.0", "1.8.0", ">=0.21.0"),
];
const WEB_TERMINAL_SECOND: &[Release] =
    &[needing("1.10.0", "1.9.0", ">=0.21.0"), needing("1.11.0", "1.10.0", ">=0.22.0")];
const DEVWORKSPACE_FIRST: &[Release] = &[release("0.20.0", "0.19.1"), release("0.21.0", "0.20.0")];
const DEVWORKSPACE_SECOND: &[Release] = &[
    release("0.21.0", "0.20.0"),
    Release {
        version: "0.22.0",
        replaces: Some("0.21.0"),
        skip_range: Some(">=0.20.0 <0.22.0"),
        needs: None,
    },
];
const NODE_REMEDIATION_EVER: &[Release] =
    &[Release { version: "0.8.0", replaces: None, skip_range: None, needs: None }];

/// Upstream at one time.
pub(super) fn upstream(generation: Generation, size: ImageSize) -> Result<World, DemoError> {
    let mut stage = Stage::new(size)?;
    match generation {
        Generation::First => {
            stage.enter(&WEB_TERMINAL, WEB_TERMINAL_FIRST, false)?;
            stage.enter(&DEVWORKSPACE, DEVWORKSPACE_FIRST, false)?;
        }
        Generation::Second => {
            stage.enter(&WEB_TERMINAL, WEB_TERMINAL_SECOND, true)?;
            stage.enter(&DEVWORKSPACE, DEVWORKSPACE_SECOND, false)?;
        }
    }
    stage.enter(&NODE_REMEDIATION, NODE_REMEDIATION_EVER, false)?;
    let additional: ImageRef = World::ADDITIONAL.parse()?;
    let image = stage.image("support-tools", Build::Plain)?;
    let tags = additional.tag.into_iter().collect();
    stage.published.push(Published { repository: additional.repository, tags, image });
    stage.finish()
}

/// What production serves before the first archive arrives.
pub(super) fn incumbent(size: ImageSize) -> Result<World, DemoError> {
    let mut stage = Stage::new(size)?;
    stage.enter(&WEB_TERMINAL, &[needing("1.8.0", "1.7.0", ">=0.20.0")], false)?;
    stage.enter(&DEVWORKSPACE, &[release("0.20.0", "0.19.1")], false)?;
    stage.enter(&NODE_REMEDIATION, NODE_REMEDIATION_EVER, false)?;
    stage.finish()
}

/// Images and catalog files as they come together.
struct Stage {
    size: ImageSize,
    base: Layer,
    published: Vec<Published>,
    files: Vec<(String, Vec<u8>)>,
}

impl Stage {
    fn new(size: ImageSize) -> Result<Self, DemoError> {
        let base = Layer::of(&[
            File::new("etc/os-release", "ID=small-world\nPRETTY_NAME=\"A small world\"\n"),
            File::noise("usr/lib/libeverything.so", "operator base", size.base),
        ])?;
        Ok(Self { size, base, published: Vec::new(), files: Vec::new() })
    }

    /// Publishes the images of an operator and writes its part of the catalog. `cut` is what index builds do to the oldest
    /// entry: its `replaces` is gone from the catalog, though not from the bundle.
    fn enter(&mut self, operator: &Operator, releases: &[Release], cut: bool) -> Result<(), DemoError> {
        let name = |version: &str| format!("{}.v{version}", operator.package);
        let mut entries = Vec::new();
        let mut bundles = Vec::new();
        for (position, release) in releases.iter().enumerate() {
            let source = self.bundle_source(operator, release)?;
            let image = bundle_image(&source)?;
            let repository: RepositoryRef = operator.bundle.parse()?;
            bundles.push(source.blob(&repository.pin(image.digest()).to_string()));
            let tags = vec![format!("v{}", release.version).parse::<Tag>()?];
            self.published.push(Published { repository, tags, image });
            let mut entry = json!({"name": name(release.version)});
            if let Some(replaces) = release.replaces.filter(|_| !(cut && position == 0)) {
                entry["replaces"] = json!(name(replaces));
            }
            if let Some(range) = release.skip_range {
                entry["skipRange"] = json!(range);
            }
            entries.push(entry);
        }
        let package = json!({
            "schema": "olm.package", "name": operator.package, "defaultChannel": operator.channel,
            "description": format!("{} in a small world", operator.display_name),
        });
        let channel = json!({
            "schema": "olm.channel", "package": operator.package, "name": operator.channel, "entries": entries,
        });
        let blobs = [package, channel].into_iter().chain(bundles);
        self.files.push((format!("{}/catalog.json", operator.package), stream(blobs)));
        Ok(())
    }

    fn bundle_source(&mut self, operator: &Operator, release: &Release) -> Result<BundleSource, DemoError> {
        let name = |version: &str| format!("{}.v{version}", operator.package);
        let apis = |apis: &[(&str, &str, &str)]| {
            let gvk = |(group, version, kind): &(&str, &str, &str)| Gvk {
                group: (*group).to_owned(),
                kind: (*kind).to_owned(),
                version: (*version).to_owned(),
            };
            apis.iter().map(gvk).collect()
        };
        let mut related_images = Vec::new();
        for (label, repository, build) in operator.images {
            let repository: RepositoryRef = repository.parse()?;
            let image = self.image(&format!("{repository} {}", release.version), *build)?;
            let digest = image.digest();
            related_images.push(((*label).to_owned(), repository.pin(digest).to_string()));
            if *build == Build::Signed {
                let signature = Image::signature(&repository.to_string(), digest)?;
                let tags = vec![Tag::of_attachment(&digest, "sig")?];
                self.published.push(Published { repository: repository.clone(), tags, image: signature });
            }
            let tags = vec![format!("v{}", release.version).parse::<Tag>()?];
            self.published.push(Published { repository, tags, image });
        }
        let needs = release.needs.map(|range| (DEVWORKSPACE.package.to_owned(), range.to_owned()));
        Ok(BundleSource {
            package: operator.package.to_owned(),
            name: name(release.version),
            version: release.version.to_owned(),
            display_name: operator.display_name.to_owned(),
            channels: vec![operator.channel.to_owned()],
            default_channel: operator.channel.to_owned(),
            replaces: release.replaces.map(name),
            skips: Vec::new(),
            skip_range: release.skip_range.map(str::to_owned),
            owned: apis(operator.owned),
            required: apis(operator.required),
            dependencies: needs.into_iter().collect(),
            related_images,
        })
    }

    /// An image on the shared base, with something of its own that follows from `seed`.
    fn image(&self, seed: &str, build: Build) -> Result<Image, DemoError> {
        let recipe = |platform: Platform| {
            let seed = format!("{seed} {platform}");
            let own = Layer::of(&[
                File::noise("usr/local/bin/manager", &seed, self.size.own),
                File::new("licenses/NOTICE", format!("{seed}: made up, and free to use\n")),
            ])?;
            let mut recipe = Recipe::of(vec![self.base.clone(), own]).labels([("name", seed)]);
            recipe.entrypoint = vec!["/usr/local/bin/manager".to_owned()];
            recipe.platform = platform;
            Ok::<_, DemoError>(recipe)
        };
        let mut plain = recipe(Platform::linux_amd64())?;
        match build {
            Build::Plain | Build::Signed => Image::build(&plain),
            Build::Docker => {
                plain.flavour = Flavour::Docker;
                Image::build(&plain)
            }
            Build::Index => {
                let arm = Platform::linux_arm64();
                let children = vec![
                    (Platform::linux_amd64(), Image::build(&plain)?),
                    (arm.clone(), Image::build(&recipe(arm)?)?),
                ];
                Image::index(children)
            }
        }
    }

    fn finish(mut self) -> Result<World, DemoError> {
        let catalog: ImageRef = World::CATALOG.parse()?;
        let image = catalog_image(&self.files, self.size.base)?;
        let (repository, tags) = (catalog.repository.clone(), catalog.tag.clone().into_iter().collect());
        self.published.push(Published { repository, tags, image });
        Ok(World::new(catalog, self.published))
    }
}

/// Writes blobs one after the other, as catalogs are kept.
fn stream(blobs: impl Iterator<Item = Value>) -> Vec<u8> {
    let texts: Vec<String> = blobs.map(|blob| format!("{blob:#}\n")).collect();
    texts.concat().into_bytes()
}
