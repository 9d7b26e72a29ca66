//! Carries operator and OpenShift upgrades across an air gap in one signed, content-addressed archive.
//!
//! # The flow
//!
//! ```text
//!   connected side                                        air-gapped side
//!
//!   ImageSetConfiguration ─┐                              .ombundle ──▶ verify ──▶ VerifiedArchive
//!   site file, report ─────┼─▶ plan ─▶ Plan                                            │
//!   catalogs of upstream ──┘            │                                            stage ──▶ staging registry
//!                                     fetch                                            │
//!   source registries ──── blobs ───────┤                              Staged ◀────────┘
//!                                       ▼                                │
//!                    inventory, signatures, blobs                     promote ──▶ production registry
//!                                       │                                │
//!                                       ▼                        catalog now ─▶ merge ─▶ MergedCatalog
//!                                   .ombundle  ═══ carried ═══▶          │
//!                                                                one request: the tag moves
//!                                                                        │
//!                                                                check, emit ──▶ resources, runbook, receipt
//! ```
//!
//! `flow` composes the steps, and steps never call each other. `cli` asks the person, the clock and the environment.
//!
//! # The rooms, from the ground up
//!
//! A room looks only at rooms above it in this list. Rooms marked (P) are pure: bytes and values in, values out, without files,
//! network, clock, environment, threads or terminal. `tests/architecture.rs` holds both rules.
//!
//! | room | | knows |
//! |---|---|---|
//! | [`digest`] | P | one digest, parsed once; readers and writers that hash and cap what passes |
//! | [`fault`] | P | what an error means for the process: exit code and hint |
//! | [`reference`](mod@reference) | P | registry hosts, repositories, tags, references as written and pinned ones |
//! | [`limits`] | P | every ceiling on hostile input, each with its reason |
//! | [`text`] | P | foreign text made fit for a terminal, Markdown, a shell |
//! | [`event`] | P | what happened, for whoever shows it |
//! | [`finding`] | P | what is wrong with the input: all of it at once |
//! | [`yaml`] | P | YAML that people write, with its lines |
//! | [`version`] | P | versions, and the two range grammars of this field |
//! | [`oci`] | P | manifests, indexes, descriptors and platforms as views over raw bytes |
//! | [`trust`] | P | keys, detached signatures, thresholds |
//! | [`archive`] | P | the .ombundle format: inventory, layout, writer, the frame read before anything is believed |
//! | [`volume`] | P | an archive cut into files that fit a medium, and what makes them one again |
//! | [`repair`] | P | what mends an archive of which some blocks were lost or flipped on the way |
//! | [`catalog`] | P | file-based catalogs: loading, the model, the upgrade graph, validation, writing |
//! | [`draw`] | P | upgrade graphs as text, SVG, Mermaid and DOT; sizes as a treemap |
//! | [`release`] | P | OpenShift releases: the update graph and the way through it, payloads and their signatures |
//! | [`imageset`] | P | the ImageSetConfiguration: what it asks for, and one written from a list of operators |
//! | [`site`] | P | the site file, the site report, the receipt, dumps of a cluster |
//! | [`plan`] | P | what must travel, and why |
//! | [`mapping`] | P | where each source repository lands |
//! | [`retain`] | P | what a registry can let go, and what it must keep |
//! | [`papers`] | P | what people approve an archive with: table, page, bill of materials, sums |
//! | [`page`] | P | the page that people look at: what changes, drawn, in three languages |
//! | [`store`] | | files: atomic writes, locks, journals, the archive as it grows |
//! | [`workers`] | | bounded threads over one list of jobs |
//! | [`registry`] | | the network: the distribution API, credentials bound to their origin, retries |
//! | [`transfer`] | | verified images into one registry, and the proof that they are there |
//! | [`fetch`] | | a plan's blobs, each once, straight to their places |
//! | [`verify`] | P | an archive judged: the only way to a [`verify::VerifiedArchive`] |
//! | [`stage`] | | a verified archive into the staging registry |
//! | [`merge`] | P | what arrives joined with what production serves, losing nothing |
//! | [`promote`] | | what was staged into production; the one request that commits |
//! | [`emit`] | P | cluster resources, patches, the way back, runbooks |
//! | [`check`] | | whether production can serve all that it offers, and whether a cluster gets there |
//! | [`vacuum`] | | a registry listed whole, and its own clean-up |
//! | [`flow`] | | the steps composed: plan, pack, verify, import, and what comes after: report, rollback, vacuum |
//! | [`serve`] | | a registry over a folder |
//! | [`demo`] | | a small world on loopback, and the cycle walked through it |
//! | [`cli`] | | command line, terminal, clock, environment |
//!
//! # What always holds
//!
//! 1. Raw bytes are the truth. What was hashed or signed is never written anew from a parsed form.
//! 2. Facts are types with one maker. Only [`verify`] makes a `VerifiedArchive`, only [`stage`] a `Staged` from it, only [`promote`] a
//!    `Promoted` from that, and cluster resources are written for nothing else.
//! 3. Nothing is parsed behind a signature that does not fit; before it, only framing is read.
//! 4. Whoever hands out bytes has checked their length while reading and their digest at the end.
//! 5. Production changes by one request for each catalog. Before it everything is as it was, after it everything is as it will be.
//! 6. Wrong input gives findings, all of them; an error means that one could not look.
//! 7. The same input gives the same bytes: ordered maps, fixed times, nothing of the host.
//! 8. A ceiling stands before each allocation that foreign input could grow.
//!
//! # From end to end
//!
//! What `plan`, `pack`, `verify` and `import` do, without the command line:
//!
//! ```no_run
//! use std::{collections::BTreeMap, path::Path, sync::Arc};
//! use ombundle::archive::Moment;
//! use ombundle::event::Silent;
//! use ombundle::fault::AnyFault;
//! use ombundle::fetch::Upstream;
//! use ombundle::flow::import::{Import, Until};
//! use ombundle::flow::{pack::Pack, plan::{PlanInputs, Planner, ReleaseInputs}, verify::verify};
//! use ombundle::limits::LIMITS;
//! use ombundle::merge::MergeOptions;
//! use ombundle::registry::{Client, ClientOptions, Environment};
//! use ombundle::site::Site;
//! use ombundle::store::{archive_file::ArchiveFile, files};
//! use ombundle::trust::{SecretKey, TrustSet};
//! use ombundle::verify::Policy;
//! use ombundle::volume::Shape;
//!
//! # fn main() -> Result<(), AnyFault> {
//! let read = |path: &str| files::read(Path::new(path), LIMITS.yaml_bytes);
//! let client = Client::new(ClientOptions::default(), &Environment::default(), Arc::new(Silent))?;
//! let (site, _findings) = Site::parse(&read("site.yaml")?, "site.yaml", &LIMITS);
//! let (request, findings) = ombundle::imageset::parse(&read("imageset.yaml")?, "imageset.yaml", &LIMITS);
//! let (Some(site), Some(request)) = (site, request) else { return Ok(()) };
//! let now = jiff::Timestamp::now();
//!
//! // Outside.
//! let upstream = Upstream::of(&client);
//! let planner = Planner { upstream, events: &Silent, jobs: 8, limits: &LIMITS };
//! let plan = planner.plan(&request, &PlanInputs {
//!     site: Some(&site), report: None, earlier: None, named: &[], dumped: &[], ceilings: BTreeMap::new(), platforms: &[], last_sequence: 0,
//!     last_packed: None, now, valid_days: 90, tool: "example", releases: ReleaseInputs::default(),
//!     findings: &findings,
//! })?;
//! let key = SecretKey::from_pem(&String::from_utf8_lossy(&read("signer.key")?))?;
//! let trust = TrustSet::new(vec![key.public()], 1)?;
//! let Some(moment) = Moment::from_unix(now.as_second()) else { return Ok(()) };
//! let pack = Pack {
//!     upstream, release_keys: None, now: moment, keys: &[key], shape: &Shape::whole(), repair: None, papers: None, jobs: 8, events: &Silent,
//!     limits: &LIMITS,
//! };
//! let packed = pack.run(&plan, Path::new("upgrade.ombundle"))?;
//!
//! // Inside. `import` judges for itself: it believes no earlier verdict.
//! let policy = Policy::at(moment);
//! let archive = Arc::new(ArchiveFile::open(&packed.path)?);
//! let verified = verify(archive.clone(), &trust, &policy, &Silent, &LIMITS)?;
//! println!("{} entries", verified.inventory().entry_count);
//! let import = Import {
//!     site: &site, state: Path::new("state"), trust: &trust, policy, name: "upgrade.ombundle", cluster: None,
//!     release_keys: None, legacy_icsp: false, merge: MergeOptions::default(), client: &client, jobs: 8, paranoid: false, until: Until::Emit, events: &Silent, limits: &LIMITS,
//! };
//! let imported = import.run(archive, Path::new("out"))?;
//! println!("generation {}", imported.generation);
//! # Ok(())
//! # }
//! ```
//!
//! An archive that is kept for ever, judged here and now:
//!
//! ```
//! use std::sync::Arc;
//! use ombundle::{event::Silent, flow::verify::verify, limits::LIMITS, trust::{PublicKey, TrustSet}, verify::Policy};
//!
//! let bytes = include_bytes!("../fixtures/archives/v1-minimal.ombundle").to_vec();
//! let key = PublicKey::from_pem(include_str!("../fixtures/keys/snake-oil.pub"))?;
//! let trust = TrustSet::new(vec![key], 1)?;
//! let policy = Policy::at("2026-02-01T00:00:00Z".parse()?);
//! let verified = verify(Arc::new(bytes.clone()), &trust, &policy, &Silent, &LIMITS)?;
//! assert_eq!(verified.inventory().sequence, 7);
//!
//! let mut damaged = bytes;
//! let middle = damaged.len() / 2;
//! damaged[middle] ^= 1;
//! assert!(verify(Arc::new(damaged), &trust, &policy, &Silent, &LIMITS).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod archive;
pub mod catalog;
pub mod check;
pub mod cli;
pub mod demo;
pub mod digest;
pub mod draw;
pub mod emit;
pub mod event;
pub mod fault;
pub mod fetch;
pub mod finding;
pub mod flow;
pub mod imageset;
pub mod limits;
pub mod mapping;
pub mod merge;
pub mod oci;
pub mod page;
pub mod papers;
pub mod plan;
pub mod promote;
pub mod reference;
pub mod registry;
pub mod release;
pub mod repair;
pub mod retain;
pub mod serve;
pub mod site;
pub mod stage;
pub mod store;
pub mod text;
pub mod transfer;
pub mod trust;
pub mod vacuum;
pub mod verify;
pub mod version;
pub mod volume;
pub mod workers;
pub mod yaml;
