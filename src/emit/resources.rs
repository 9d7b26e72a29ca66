//! The objects themselves, each a file: mirror sets, CatalogSources, ClusterCatalogs.

use std::collections::BTreeMap;

use crate::emit::custom;
use crate::emit::input::{EmittedCatalog, Input};
use crate::emit::mirrors::Mirrors;
use crate::emit::names::{Kind, MARKETPLACE, fit};
use crate::emit::yaml::Yaml;
use crate::reference::PinnedRef;
use crate::site::Site;
use crate::site::cluster::MANAGED_BY;

/// One object with its place in the order.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// Its kind.
    pub(super) kind: Kind,
    /// Its name.
    pub(super) name: String,
    /// Its labels, besides the one that says whose it is.
    pub(super) labels: Vec<(String, String)>,
    /// What it says beside `metadata`, mostly a `spec`.
    pub(super) body: Vec<(String, Yaml)>,
    /// What a reader should know before it.
    pub(super) comments: Vec<String>,
}

/// An object and the file it is in.
#[derive(Debug, Clone)]
pub(super) struct Filed {
    /// The object.
    pub(super) object: Object,
    /// Its path below the output folder.
    pub(super) path: String,
}

impl Object {
    /// An object that has a `spec` and no labels of its own.
    pub(super) fn with_spec(kind: Kind, name: String, spec: Yaml, comments: Vec<String>) -> Self {
        Self { kind, name, labels: Vec::new(), body: vec![("spec".to_owned(), spec)], comments }
    }

    /// The object as a file.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let (label, ours) = MANAGED_BY;
        let mut metadata = vec![("name".to_owned(), Yaml::text(&self.name))];
        if let Some(namespace) = self.kind.namespace() {
            metadata.push(("namespace".to_owned(), Yaml::text(namespace)));
        }
        let labels = std::iter::once((label.to_owned(), Yaml::text(ours)));
        let labels =
            labels.chain(self.labels.iter().map(|(label, value)| (label.clone(), Yaml::text(value))));
        metadata.push(("labels".to_owned(), Yaml::Map(labels.collect())));
        let mut object = vec![
            ("apiVersion".to_owned(), Yaml::text(self.kind.api_version())),
            ("kind".to_owned(), Yaml::text(self.kind.as_str())),
            ("metadata".to_owned(), Yaml::Map(metadata)),
        ];
        object.extend(self.body.iter().cloned());
        Yaml::Map(object).document(&self.comments)
    }
}

/// Files the objects in a folder, numbered in the order in which they are applied.
pub(super) fn file(folder: &str, objects: Vec<Object>) -> Vec<Filed> {
    let width = objects.len().to_string().len().max(2);
    let file = |(index, object): (usize, Object)| Filed {
        path: format!("{folder}/{:0width$}-{}-{}.yaml", index + 1, object.kind.resource(), object.name),
        object,
    };
    objects.into_iter().enumerate().map(file).collect()
}

/// The files' contents.
pub(super) fn contents(filed: &[Filed]) -> BTreeMap<String, Vec<u8>> {
    filed.iter().map(|filed| (filed.path.clone(), filed.object.bytes())).collect()
}

/// A mirror set of this kind.
///
/// `mirrorSourcePolicy` is left out, which means `AllowContactingSource`: a node inside reaches no source anyway, and the
/// policy must be the same in all sets that name a source.
pub(super) fn mirror_set(kind: Kind, name: String, mirrors: &Mirrors) -> Object {
    let field = if kind == Kind::ImageTagMirrorSet { "imageTagMirrors" } else { "imageDigestMirrors" };
    let comments = match kind {
        Kind::ImageTagMirrorSet => {
            vec!["Applying this drains every node, one after the other, when its entries change.".into()]
        }
        _ => vec!["Adding entries drains no node; taking one away drains them all.".into()],
    };
    let spec = Yaml::map([(field, entries(mirrors))]);
    Object::with_spec(kind, name, spec, comments)
}

/// The entries of a mirror set.
pub(super) fn entries(mirrors: &Mirrors) -> Yaml {
    let entry = |(source, mirrors): (&String, &Vec<String>)| {
        let mirrors = Yaml::List(mirrors.iter().map(Yaml::text).collect());
        Yaml::map([("source", Yaml::text(source)), ("mirrors", mirrors)])
    };
    Yaml::List(mirrors.iter().map(entry).collect())
}

/// The CatalogSource of OLM v0 that serves this image.
///
/// Without `updateStrategy`, since a digest never changes.
pub(super) fn catalog_source(site: &Site, catalog: &EmittedCatalog, image: &PinnedRef) -> Object {
    let repository = catalog.source.repository.repository.as_str();
    let last = repository.rsplit('/').next().unwrap_or(repository);
    let version = catalog.source.tag.as_ref().map(|tag| format!(" {tag}")).unwrap_or_default();
    let shown = format!("{last}{version} ({})", site.metadata.name);
    let spec = custom::source_spec(&catalog.spec, &image.to_string(), &shown, None);
    Object::with_spec(Kind::CatalogSource, fit(&catalog.name), spec, from(catalog))
}

/// The ClusterCatalog of OLM v1 that serves this image.
pub(super) fn cluster_catalog(catalog: &EmittedCatalog, image: &PinnedRef) -> Object {
    let spec = custom::cluster_spec(&catalog.spec, &image.to_string(), None);
    Object::with_spec(Kind::ClusterCatalog, fit(&catalog.name), spec, from(catalog))
}

fn from(catalog: &EmittedCatalog) -> Vec<String> {
    vec![format!("Built on {}.", catalog.source)]
}

/// Whether the cluster has OLM v1, as far as that is known: it came with OpenShift 4.18. The catalog's tag tells the
/// cluster's version where no dump does; a cluster that is newer than its catalog is no harm.
pub(super) fn has_cluster_catalogs(input: &Input<'_>, catalog: &EmittedCatalog) -> bool {
    let tag = catalog.source.tag.as_ref().map(|tag| tag.as_str().trim_start_matches('v'));
    let version = input.cluster.and_then(|cluster| cluster.openshift.as_deref()).or(tag);
    version.and_then(minor).is_none_or(|minor| minor >= (4, 18))
}

/// `4.18` of `4.18.3`.
pub(super) fn minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(['.', '-', '+']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The namespace and name of a catalog's CatalogSource, for Subscriptions.
pub(super) fn subscription_source(catalog: &EmittedCatalog) -> (String, &'static str) {
    (fit(&catalog.name), MARKETPLACE)
}
