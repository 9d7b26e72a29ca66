//! `catalog build --emit`: the cluster resources of a catalog that was built and pushed.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::failure::Failure;
use crate::emit::{CustomCatalog, PollInterval, custom_catalog};
use crate::reference::{ImageRef, PinnedRef, RepositoryRef, Tag};
use crate::site::{CatalogSourceSpec, GrpcPodConfig, MemoryTarget, SecurityContext, Toleration, secret_name};
use crate::store::files;

/// Tells a folder of these resources from one that is not ours.
const MARKER: &str = "ombundle-resources.md";

/// What CatalogSource and ClusterCatalog say of a catalog.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster resources")]
pub(super) struct ResourceArgs {
    /// Write a CatalogSource and a ClusterCatalog for the pushed image into this folder
    #[arg(long, value_name = "DIR", requires_all = ["push", "name"])]
    emit: Option<PathBuf>,

    /// Their name
    #[arg(long, value_name = "NAME", requires = "emit")]
    name: Option<String>,

    /// What the console calls the catalog [default: its name]
    #[arg(long, value_name = "TEXT", requires = "emit")]
    display_name: Option<String>,

    /// Who publishes it [default: ombundle]
    #[arg(long, value_name = "TEXT", requires = "emit")]
    publisher: Option<String>,

    /// A pull secret in openshift-marketplace; may be repeated
    #[arg(long, value_name = "NAME", requires = "emit", value_parser = secret_name)]
    secret: Vec<String>,

    /// Which catalog wins where several offer the same: the higher one
    #[arg(long, value_name = "NUMBER", requires = "emit", allow_negative_numbers = true)]
    priority: Option<i32>,

    /// Let the cluster follow the tag and look this often, for instance 30m; it keeps to the digest without
    #[arg(long, value_name = "INTERVAL", requires = "emit")]
    poll: Option<PollInterval>,

    /// A label of the nodes that the catalog's pod may run on; may be repeated
    #[arg(long, value_name = "LABEL=VALUE", requires = "emit", value_parser = label)]
    node_selector: Vec<(String, String)>,

    /// A taint that its pod bears; may be repeated
    #[arg(long, value_name = "KEY[=VALUE][:EFFECT]", requires = "emit")]
    toleration: Vec<Toleration>,

    /// The priority class of its pod
    #[arg(long, value_name = "NAME", requires = "emit")]
    priority_class: Option<String>,

    /// What its pod may do: restricted or legacy
    #[arg(long, value_name = "WORD", requires = "emit", default_value = "restricted")]
    security_context: SecurityContext,

    /// How much memory its pod asks for and tries to stay in, for instance 200Mi
    #[arg(long, value_name = "QUANTITY", requires = "emit")]
    memory_target: Option<MemoryTarget>,
}

impl ResourceArgs {
    /// The folder, where there is one to write; one that holds something else is refused before anything is pushed.
    pub(super) fn check(&self) -> Result<Option<&Path>, Failure> {
        if let Some(out) = &self.emit {
            files::check_folder(out, MARKER)?;
        }
        Ok(self.emit.as_deref())
    }

    /// Writes the resources of what was pushed.
    pub(super) fn write(
        &self,
        out: &Path,
        repository: &RepositoryRef,
        tag: &Tag,
        image: &PinnedRef,
        base: &str,
    ) -> Result<(), Failure> {
        let base = base.parse::<ImageRef>().ok().and_then(|base| base.tag);
        let spec = self.spec();
        let mut files = custom_catalog(&CustomCatalog {
            name: self.name.as_deref().unwrap_or_default(),
            repository,
            tag,
            image,
            openshift: base.as_ref().map(Tag::as_str),
            spec: &spec,
            poll: self.poll,
        });
        let readme = format!(
            "The cluster resources of `{image}`.\n\nApply them with `oc apply -f cluster/`; then `oc -n openshift-marketplace get \
             catalogsource` says `READY` within a minute or two.\n"
        );
        files.insert(MARKER.to_owned(), readme.into_bytes());
        files::replace_folder(out, &files, MARKER)?;
        Ok(())
    }

    fn spec(&self) -> CatalogSourceSpec {
        CatalogSourceSpec {
            display_name: self.display_name.clone(),
            publisher: self.publisher.clone(),
            priority: self.priority,
            secrets: self.secret.clone(),
            grpc_pod_config: GrpcPodConfig {
                node_selector: self.node_selector.iter().cloned().collect(),
                tolerations: self.toleration.clone(),
                priority_class_name: self.priority_class.clone(),
                security_context_config: self.security_context,
                memory_target: self.memory_target.clone(),
            },
        }
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((label, value)) if !label.is_empty() => Ok((label.to_owned(), value.to_owned())),
        _ => Err("write it as LABEL=VALUE".to_owned()),
    }
}
