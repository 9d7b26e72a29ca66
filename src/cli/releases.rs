//! Options about OpenShift releases, and what the site file says where they are silent.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::inputs::SiteFile;
use crate::digest::{Digest, Hasher};
use crate::fetch::signatures::{DEFAULT_STORES, SignatureStore};
use crate::flow::plan::ReleaseInputs;
use crate::limits::LIMITS;
use crate::release::{Architecture, ReleaseChannel, ReleaseKeys};
use crate::site::SiteReport;
use crate::site::cluster::ClusterDump;
use crate::store::files;
use crate::store::tree::list_tree;
use crate::version::Version;

const HEADING: &str = "OpenShift releases";

/// What is asked of OpenShift releases.
#[derive(Debug, Clone, Args)]
pub(super) struct ReleaseArgs {
    /// The release that runs; the way starts there. By default what a dump (`oc get clusterversion -o json`) or the report says
    #[arg(long, value_name = "VERSION", help_heading = HEADING)]
    from_release: Option<Version>,

    /// The release to reach
    #[arg(long, value_name = "VERSION", help_heading = HEADING)]
    to_release: Option<Version>,

    /// The update channel of the cluster; by default `stable-` and the target's minor release
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    channel: Option<ReleaseChannel>,

    /// Where the update graph comes from; may be repeated. By default what the site file says, else the public update service
    #[arg(long, value_name = "FILE|DIR|URL", help_heading = HEADING)]
    graph: Vec<String>,

    /// For which machines: amd64, arm64, ppc64le, s390x or multi; by default what the site's nodes are
    #[arg(long, value_name = "ARCH", help_heading = HEADING)]
    arch: Option<Architecture>,

    /// A risk that may be taken; may be repeated
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    accept_risk: Vec<String>,

    /// A component to leave out; may be repeated. A cluster that needs it stops in the update
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    without_component: Vec<String>,

    /// Where signatures of releases are; may be repeated. By default what the site file says, else the vendor's public stores
    #[arg(long, value_name = "URL|DIR", help_heading = HEADING)]
    signature_store: Vec<SignatureStore>,

    #[command(flatten)]
    keys: ReleaseKeyArgs,
}

/// Whose releases are believed.
#[derive(Debug, Clone, Args)]
pub(super) struct ReleaseKeyArgs {
    /// A file of the vendor's OpenPGP public keys, or a folder of such files; may be repeated. Or the ConfigMap `release-verification`
    /// of the installed cluster, as YAML or JSON. By default what the site file names
    #[arg(long, value_name = "FILE|DIR", help_heading = HEADING)]
    release_key: Vec<PathBuf>,
}

impl ReleaseArgs {
    /// What was asked, completed by what the site file, a dump and a report say.
    pub(super) fn inputs(
        &self,
        site: Option<&SiteFile>,
        dump: Option<&ClusterDump>,
        report: Option<&SiteReport>,
    ) -> Result<ReleaseInputs, Failure> {
        let dumped = dump.and_then(|dump| Version::parse(dump.openshift.as_deref()?).ok());
        let reported = || report.and_then(|report| report.openshift.clone());
        let spec = site.map(|site| &site.site.spec.releases);
        let mut graph_data = spec.map(|spec| spec.graph_data.clone()).unwrap_or_default();
        if let Some(site) = site {
            graph_data.source = from_site(site, &graph_data.source);
        }
        let listed = |own: &[String], list: Option<&Vec<String>>| match (own, site, list) {
            ([], Some(site), Some(list)) => list.iter().map(|text| from_site(site, text)).collect(),
            _ => own.to_vec(),
        };
        Ok(ReleaseInputs {
            from: self.from_release.clone().or(dumped).or_else(reported),
            to: self.to_release.clone(),
            channel: self.channel.clone(),
            architecture: self.arch,
            graph: listed(&self.graph, spec.map(|spec| &spec.graph)),
            accepted: self.accept_risk.iter().cloned().collect(),
            without: self.without_component.iter().cloned().collect(),
            keys: self.keys.read(site)?,
            stores: self.stores(listed(&[], spec.map(|spec| &spec.stores)))?,
            graph_data,
        })
    }

    /// The stores that were named, else those of the site, else the public ones.
    fn stores(&self, site: Vec<String>) -> Result<Vec<SignatureStore>, Failure> {
        if !self.signature_store.is_empty() {
            return Ok(self.signature_store.clone());
        }
        let public = || DEFAULT_STORES.iter().map(|&store| store.to_owned()).collect();
        let named: Vec<String> = if site.is_empty() { public() } else { site };
        named.iter().map(|text| Ok(text.parse()?)).collect()
    }

    /// The keys alone.
    pub(super) fn keys(&self) -> &ReleaseKeyArgs {
        &self.keys
    }

    /// Whether releases are asked for here.
    pub(super) fn asks(&self) -> bool {
        self.to_release.is_some()
    }

    /// Digest of all that was said here, files of graphs and keys included.
    pub(super) fn fingerprint(&self) -> Result<Digest, Failure> {
        let mut hasher = Hasher::default();
        hasher.update(format!("{self:?}").as_bytes());
        let graphs = self.graph.iter().map(Path::new).filter(|path| path.is_file());
        for path in graphs.map(Path::to_owned).chain(self.keys.files(None)?) {
            hasher.update(Digest::of(&files::read(&path, LIMITS.graph_data_bytes)?).bytes());
        }
        Ok(hasher.finish())
    }
}

impl ReleaseKeyArgs {
    /// The keys that were named, else those of the site; nothing where there are none.
    pub(super) fn read(&self, site: Option<&SiteFile>) -> Result<Option<ReleaseKeys>, Failure> {
        let named = self.files(site)?;
        if named.is_empty() {
            return Ok(None);
        }
        // A ConfigMap may be larger than a file of keys, which has its own ceiling.
        let read = |path: &PathBuf| Ok((path.display().to_string(), files::read(path, LIMITS.yaml_bytes)?));
        let files = named.iter().map(read).collect::<Result<Vec<_>, Failure>>()?;
        let files = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        Ok(Some(ReleaseKeys::of_files(files, &LIMITS)?))
    }

    /// Every file that was named, else those of the site; of a folder what lies in it and is not hidden.
    fn files(&self, site: Option<&SiteFile>) -> Result<Vec<PathBuf>, Failure> {
        let named = match (self.release_key.as_slice(), site) {
            ([], Some(site)) => site.site.release_key_files(&site.base),
            (named, _) => named.to_vec(),
        };
        let mut all = Vec::new();
        for path in named {
            if !path.is_dir() {
                all.push(path);
                continue;
            }
            let before = all.len();
            let inside = list_tree(&path, &LIMITS)?.into_iter();
            all.extend(
                inside
                    .filter(|file| !file.name.contains('/') && !file.name.starts_with('.'))
                    .map(|file| file.path),
            );
            if all.len() == before {
                let name = path.display();
                return Err(Failure::usage(format!("there is no key in the folder `{name}`"))
                    .hint("put the vendor's public keys into it, each as a file"));
            }
        }
        Ok(all)
    }

    /// The files and folders that were named.
    pub(super) fn named(&self) -> &[PathBuf] {
        &self.release_key
    }
}

/// A place as the site file names it: what is no address is relative to the file.
fn from_site(site: &SiteFile, text: &str) -> String {
    if text.contains("://") { text.to_owned() } else { site.base.join(text).display().to_string() }
}
