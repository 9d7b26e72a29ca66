//! From the bytes of a site file to a site, or to everything that is wrong with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::catalog_source;
use super::file::{
    CatalogMirror, NexusSpec, PrefixRule, ProfileName, RegistrySpec, Site, SiteMetadata, SiteSpec, TrustSpec,
};
use super::releases;
use crate::finding::{Finding, nearest};
use crate::limits::Limits;
use crate::oci::Platform;
use crate::reference::{ImageRef, RegistryHost, Repository, RepositoryRef};
use crate::yaml::{Fields, Form, Node, parse as parse_yaml};

const API_VERSION: &str = "ombundle.dev/v1";

/// Names of registry profiles, as they are written.
const PROFILES: [(&str, ProfileName); 7] = [
    ("auto", ProfileName::Auto),
    ("nexus", ProfileName::Nexus),
    ("harbor", ProfileName::Harbor),
    ("quay", ProfileName::Quay),
    ("artifactory", ProfileName::Artifactory),
    ("distribution", ProfileName::Distribution),
    ("zot", ProfileName::Zot),
];

impl Site {
    /// Reads a site file; `file` is what findings call it. The site is there exactly when no finding is an error.
    pub fn parse(bytes: &[u8], file: &str, limits: &Limits) -> (Option<Self>, Vec<Finding>) {
        let mut form = Form::new(file, "SITE");
        let site = read(bytes, &mut form, limits);
        let site = if form.has_errors() { None } else { site };
        (site, form.into_findings())
    }

    /// The name that archives are bound to.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// A repository of the production registry.
    pub fn in_production(&self, repository: Repository) -> RepositoryRef {
        RepositoryRef { host: self.spec.production.registry.clone(), repository }
    }

    /// The same site with its ports exchanged: what was staging is production.
    #[must_use]
    pub fn swapped(&self) -> Self {
        let mut swapped = self.clone();
        std::mem::swap(&mut swapped.spec.staging, &mut swapped.spec.production);
        if let Some(nexus) = &mut swapped.spec.nexus
            && let Some(staging) = &mut nexus.staging
        {
            std::mem::swap(staging, &mut nexus.production);
        }
        swapped
    }

    /// The folder of journal, records and generations; `base` is the folder of the site file.
    pub fn state_dir(&self, base: &Path) -> PathBuf {
        beside(base, &self.spec.state)
    }

    /// The files of the trusted public keys; `base` is the folder of the site file.
    pub fn key_files(&self, base: &Path) -> Vec<PathBuf> {
        self.spec.trust.keys.iter().map(|key| beside(base, key)).collect()
    }

    /// The files of the keys that may sign releases; `base` is the folder of the site file.
    pub fn release_key_files(&self, base: &Path) -> Vec<PathBuf> {
        self.spec.releases.keys.iter().map(|key| beside(base, key)).collect()
    }

    /// The catalog that the site serves for this upstream one.
    pub fn catalog(&self, source: &ImageRef) -> Option<&CatalogMirror> {
        self.spec.catalogs.iter().find(|catalog| catalog.source == *source)
    }
}

/// A path of the site file, seen from where we are; `./state` is `state`.
fn beside(base: &Path, path: &Path) -> PathBuf {
    base.join(path.strip_prefix(".").unwrap_or(path))
}

fn read(bytes: &[u8], form: &mut Form<'_>, limits: &Limits) -> Option<Site> {
    let document = document(bytes, form, limits)?;
    let root = form.fields(&document, "", &["apiVersion", "kind", "metadata", "spec"])?;
    for (field, expected) in [("apiVersion", API_VERSION), ("kind", "Site")] {
        root.require(form, field, &format!("write `{field}: {expected}`"));
        if let Some(text) = root.text(form, field).filter(|text| *text != expected) {
            let message = format!("`{text}` is not what a site file can have here");
            form.error(root.line_of(field), "HEAD", field, message, format!("write `{field}: {expected}`"));
        }
    }
    root.require(form, "metadata", "write `metadata: {name: SITE}`");
    root.require(form, "spec", "say what the site is under `spec:`");
    let metadata = root.value("metadata").and_then(|node| form.fields(node, "metadata", &["name"]));
    let name = metadata.and_then(|metadata| {
        metadata.require(form, "name", "give the site a name; archives are bound to it");
        dns_label(form, &metadata, "name")
    });
    let spec = root.value("spec").and_then(|node| spec(form, node));
    Some(Site {
        api_version: API_VERSION.to_owned(),
        kind: "Site".to_owned(),
        metadata: SiteMetadata { name: name? },
        spec: spec?,
    })
}

fn document(bytes: &[u8], form: &mut Form<'_>, limits: &Limits) -> Option<Node> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        form.error(1, "SYNTAX", "document", "it is not UTF-8 text", "save it as UTF-8");
        return None;
    };
    match parse_yaml(text, limits) {
        Ok(mut documents) if documents.len() == 1 => documents.pop(),
        Ok(documents) => {
            let line = documents.get(1).map_or(1, |second| second.line);
            let message = format!("the file has {} documents", documents.len());
            form.error(line, "SYNTAX", "document", message, "one file describes one site");
            None
        }
        Err(error) => {
            form.error(error.line, "SYNTAX", "document", &error, "mend the YAML");
            None
        }
    }
}

fn spec(form: &mut Form<'_>, node: &Node) -> Option<SiteSpec> {
    let known = [
        "staging",
        "production",
        "repositories",
        "catalogs",
        "platforms",
        "trust",
        "releases",
        "profile",
        "state",
        "keepGenerations",
        "nexus",
    ];
    let spec = form.fields(node, "spec", &known)?;
    let staging = registry(form, &spec, "staging");
    let production = registry(form, &spec, "production");
    if let (Some(staging), Some(production)) = (&staging, &production)
        && staging == production
    {
        let message =
            format!("staging and production are both {staging}: nothing is tried before the cluster sees it");
        form.push(
            spec.line_of("production"),
            Finding::warning("SITE_ONE_REGISTRY", "spec.production", message),
        );
    }
    let repositories = prefix_rules(form, &spec);
    let catalogs = catalogs(form, &spec);
    let platforms = platforms(form, &spec);
    let trust = trust(form, &spec);
    let releases = releases::read(form, &spec);
    let profile = profile(form, &spec);
    let state = spec.text(form, "state").unwrap_or("state");
    Some(SiteSpec {
        staging: RegistrySpec { registry: staging? },
        production: RegistrySpec { registry: production? },
        repositories,
        catalogs,
        platforms,
        trust,
        releases,
        profile,
        state: PathBuf::from(state),
        keep_generations: keep_generations(form, &spec),
        nexus: nexus(form, &spec),
    })
}

fn keep_generations(form: &mut Form<'_>, spec: &Fields<'_>) -> u32 {
    let written = spec.integer(form, "keepGenerations");
    written.map_or(1, |number| u32::try_from(number).unwrap_or(u32::MAX))
}

fn nexus(form: &mut Form<'_>, spec: &Fields<'_>) -> Option<NexusSpec> {
    let fields = form.fields(spec.value("nexus")?, "spec.nexus", &["url", "production", "staging"])?;
    fields.require(form, "url", "write the address of Nexus itself: `url: https://HOST:PORT`");
    fields.require(form, "production", "write the name of the repository behind the production port");
    let url = fields.text(form, "url")?.trim_end_matches('/').to_owned();
    if !url.starts_with("https://") && !url.starts_with("http://") {
        let message = format!("`{url}` is no address of a web server");
        form.error(fields.line_of("url"), "URL", "spec.nexus.url", message, "write `https://HOST:PORT`");
    }
    let staging = fields.text(form, "staging").map(str::to_owned);
    Some(NexusSpec { url, production: fields.text(form, "production")?.to_owned(), staging })
}

fn registry(form: &mut Form<'_>, spec: &Fields<'_>, field: &str) -> Option<RegistryHost> {
    let hint = format!("write `{field}: {{registry: HOST:PORT}}`");
    spec.require(form, field, &hint);
    let fields = form.fields(spec.value(field)?, &spec.name(field), &["registry"])?;
    fields.require(form, "registry", "write `registry: HOST:PORT`");
    fields.parsed(form, "registry", "REGISTRY")
}

fn prefix_rules(form: &mut Form<'_>, spec: &Fields<'_>) -> Vec<PrefixRule> {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut rules = Vec::new();
    for (index, node) in spec.list(form, "repositories").iter().enumerate() {
        let path = format!("spec.repositories[{index}]");
        let Some(fields) = form.fields(node, &path, &["source", "mirror"]) else { continue };
        fields.require(form, "source", "write a registry host, or a host and leading path components");
        fields.require(form, "mirror", "write the repository prefix inside the site's registries");
        let source = source_prefix(form, &fields);
        let mirror = fields.parsed(form, "mirror", "REPOSITORY");
        let (Some(source), Some(mirror)) = (source, mirror) else { continue };
        if let Some(first) = seen.insert(source.clone(), node.line) {
            let message = format!("`{source}` is mapped already in line {first}");
            form.error(node.line, "DUPLICATE_SOURCE", &path, message, "keep one of the two");
        }
        rules.push(PrefixRule { source, mirror });
    }
    rules
}

/// The same grammar as `mapping::SourcePrefix`, which comes later in the house.
fn source_prefix(form: &mut Form<'_>, fields: &Fields<'_>) -> Option<String> {
    let text = fields.text(form, "source")?;
    let (host, path) = text.split_once('/').map_or((text, None), |(host, path)| (host, Some(path)));
    let checked = RegistryHost::from_str(host).and_then(|_| path.map(Repository::from_str).transpose());
    match checked {
        Ok(_) => Some(text.to_owned()),
        Err(why) => {
            let hint = "write a registry host, or a host and leading path components";
            form.error(fields.line_of("source"), "REPOSITORY", &fields.name("source"), why, hint);
            None
        }
    }
}

fn catalogs(form: &mut Form<'_>, spec: &Fields<'_>) -> Vec<CatalogMirror> {
    let mut catalogs: Vec<(u64, CatalogMirror)> = Vec::new();
    for (index, node) in spec.list(form, "catalogs").iter().enumerate() {
        let path = format!("spec.catalogs[{index}]");
        let known = ["source", "mirror", "name", "catalogSource"];
        let Some(fields) = form.fields(node, &path, &known) else { continue };
        for field in ["source", "mirror", "name"] {
            fields.require(form, field, "a catalog has source, mirror and name");
        }
        let source = fields.parsed::<ImageRef>(form, "source", "CATALOG");
        if source.as_ref().is_some_and(|source| source.tag.is_none() && source.digest.is_none()) {
            let hint = "write it as the ImageSetConfiguration does";
            form.error(
                fields.line_of("source"),
                "CATALOG",
                &fields.name("source"),
                "it has neither tag nor digest",
                hint,
            );
        }
        let mirror = fields.parsed(form, "mirror", "CATALOG");
        let name = dns_label(form, &fields, "name");
        let catalog_source = fields
            .value("catalogSource")
            .and_then(|node| catalog_source::read(form, node, &fields.name("catalogSource")))
            .unwrap_or_default();
        let (Some(source), Some(mirror), Some(name)) = (source, mirror, name) else { continue };
        let catalog = CatalogMirror { source, mirror, name, catalog_source };
        for (field, same) in [
            ("source", (|a, b| a.source == b.source) as fn(&CatalogMirror, &CatalogMirror) -> bool),
            ("mirror", |a, b| one_of_both(a, b, |one, other| one.mirror == other.mirror)),
            ("name", |a, b| one_of_both(a, b, |one, other| one.name == other.name)),
        ] {
            if let Some((first, _)) = catalogs.iter().find(|(_, other)| same(other, &catalog)) {
                let message = format!(
                    "the catalog in line {first} has the same {field}, or would have it for packages that are split off"
                );
                let hint = "each catalog has a source, a mirror and a name of its own, and none that is another's with `-split`";
                form.error(fields.line_of(field), "DUPLICATE_CATALOG", &fields.name(field), message, hint);
            }
        }
        catalogs.push((node.line, catalog));
    }
    catalogs.into_iter().map(|(_, catalog)| catalog).collect()
}

/// Whether two catalogs are alike, or one is like the second catalog beside the other.
fn one_of_both(
    a: &CatalogMirror,
    b: &CatalogMirror,
    alike: fn(&CatalogMirror, &CatalogMirror) -> bool,
) -> bool {
    let beside = |one: &CatalogMirror, other| one.second().is_some_and(|second| alike(&second, other));
    alike(a, b) || beside(a, b) || beside(b, a)
}

fn platforms(form: &mut Form<'_>, spec: &Fields<'_>) -> Vec<Platform> {
    if spec.value("platforms").is_none() {
        return vec![Platform::linux_amd64()];
    }
    let mut platforms = Vec::new();
    for (index, node) in spec.list(form, "platforms").iter().enumerate() {
        let subject = format!("spec.platforms[{index}]");
        let Some(text) = form.text(node, &subject) else { continue };
        match text.parse::<Platform>() {
            Ok(platform) if platforms.contains(&platform) => {}
            Ok(platform) => platforms.push(platform),
            Err(why) => form.error(node.line, "PLATFORM", &subject, why, ""),
        }
    }
    platforms
}

fn trust(form: &mut Form<'_>, spec: &Fields<'_>) -> TrustSpec {
    let mut trust = TrustSpec { keys: Vec::new(), threshold: 1 };
    let fields = spec.value("trust").and_then(|node| form.fields(node, "spec.trust", &["keys", "threshold"]));
    if let Some(fields) = &fields {
        for (index, node) in fields.list(form, "keys").iter().enumerate() {
            let subject = format!("spec.trust.keys[{index}]");
            let Some(text) = form.text(node, &subject) else { continue };
            let key = PathBuf::from(text);
            if trust.keys.contains(&key) {
                let message = format!("the key `{text}` stands twice, and counts once");
                form.error(node.line, "DUPLICATE_KEY_FILE", &subject, message, "take one of them out");
            }
            trust.keys.push(key);
        }
        if let Some(threshold) = fields.integer(form, "threshold") {
            trust.threshold = u32::try_from(threshold).unwrap_or(u32::MAX);
            let line = fields.line_of("threshold");
            let keys = trust.keys.len();
            if threshold == 0 {
                form.error(
                    line,
                    "THRESHOLD",
                    "spec.trust.threshold",
                    "a threshold of 0 trusts everybody",
                    "write 1 or more",
                );
            } else if threshold > keys as u64 && keys > 0 {
                let message = format!("{threshold} keys must sign, and there are only {keys}");
                form.error(
                    line,
                    "THRESHOLD",
                    "spec.trust.threshold",
                    message,
                    "add keys, or lower the threshold",
                );
            }
        }
    }
    if trust.keys.is_empty() {
        let message = "no key is trusted, so this site takes no archive";
        let finding = Finding::warning("SITE_NO_KEYS", "spec.trust.keys", message);
        let line = fields.map_or(spec.line_of("trust"), |fields| fields.line_of("keys"));
        form.push(line, finding.hint("list the signer's public key file, `signer.pub`"));
    }
    trust
}

fn profile(form: &mut Form<'_>, spec: &Fields<'_>) -> ProfileName {
    let Some(text) = spec.text(form, "profile") else { return ProfileName::Auto };
    if let Some((_, profile)) = PROFILES.iter().find(|(name, _)| *name == text) {
        return *profile;
    }
    let names = PROFILES.map(|(name, _)| name);
    let hint = match nearest(text, names).first() {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("write one of: {}", names.join(", ")),
    };
    form.error(
        spec.line_of("profile"),
        "PROFILE",
        "spec.profile",
        format!("there is no profile `{text}`"),
        hint,
    );
    ProfileName::Auto
}

/// A DNS label (RFC 1123): cluster resources and the label values that OLM derives from them have no room for more.
fn dns_label(form: &mut Form<'_>, fields: &Fields<'_>, field: &str) -> Option<String> {
    let text = fields.text(form, field)?;
    let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let good = text.len() <= 63
        && text.bytes().all(|c| word(c) || c == b'-')
        && text.bytes().next().is_some_and(word)
        && text.bytes().last().is_some_and(word);
    if good {
        return Some(text.to_owned());
    }
    let message = format!(
        "`{text}` is not a name: 1 to 63 lower-case letters, digits and `-`, with no `-` at either end"
    );
    form.error(fields.line_of(field), "NAME", &fields.name(field), message, "");
    None
}
