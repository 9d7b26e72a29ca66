//! The graph-data folder: channels, blocked edges, and amendments to what old releases say of themselves.

use std::collections::{BTreeMap, BTreeSet};

use regex::{Regex, RegexBuilder};

use super::findings::Findings;
use super::model::{MatchingRule, Risk};
use crate::finding::{Finding, Severity};
use crate::limits::Limits;
use crate::version::Version;
use crate::yaml::{Fields, Form, Node, parse};

/// Where the parts are.
const CHANNELS: &str = "channels";
const BLOCKED: &str = "blocked-edges";
const RAW: &str = "raw/metadata.json";
const SCHEMA: &str = "version";

/// The newest schema whose meaning is known; older ones of the same major version are part of it (graph-data README, "Schema
/// Version"; Cincinnati takes 1.0.0, 1.1.0 and 1.2.0).
const KNOWN_SCHEMA: (u64, u64) = (1, 2);

/// What to do about data that is not sound.
const FETCH_AGAIN: &str = "fetch the graph data again, or mend the file where it was changed by hand";

/// What a compiled expression may weigh. Real ones have up to 70 letters.
const REGEX_BYTES: usize = 1 << 20;

/// Prefix of the keys in `raw/metadata.json`.
const KEY: &str = "io.openshift.upgrades.graph.";

/// What a graph-data folder holds.
#[derive(Debug, Clone, Default)]
pub struct GraphData {
    /// Where it was read from, as findings call it.
    pub name: String,
    /// The versions of each channel, as written: one with an architecture (`4.2.14+amd64`) is meant for that one only.
    pub channels: BTreeMap<String, BTreeSet<Version>>,
    /// Edges that are blocked, or bound to a condition.
    pub blocked: Vec<BlockedEdge>,
    /// What `raw/metadata.json` adds to releases: version, key without its prefix, value.
    pub(super) amendments: Vec<(Version, String, String)>,
}

/// One file of `blocked-edges`.
#[derive(Debug, Clone)]
pub struct BlockedEdge {
    /// The release that the edges lead to.
    pub to: Version,
    /// Matches anywhere in the version that they come from, with its architecture: `4.19.3+amd64`.
    pub from: Regex,
    /// The risk that makes them conditional; nothing where they are blocked for everybody.
    pub risk: Option<Risk>,
}

impl GraphData {
    /// Reads the files of a folder, given with their paths; the folder may itself lie in another one, as in a tarball.
    pub fn parse(name: &str, files: &[(String, Vec<u8>)], limits: &Limits) -> (Self, Vec<Finding>) {
        let mut reader = Reader {
            name,
            limits,
            data: Self { name: name.to_owned(), ..Self::default() },
            findings: Findings::default(),
            expressions: BTreeMap::new(),
        };
        let Some(root) = root(files) else {
            let message = "there is no folder `channels` with YAML files in it";
            let hint =
                "graph data is https://api.openshift.com/api/upgrades_info/graph-data, packed or unpacked";
            let finding = Finding::error("GRAPH_DATA_EMPTY", "graph data", message).hint(hint);
            return (reader.data, vec![finding.at(name, None)]);
        };
        for (path, bytes) in files {
            let Some(path) = path.strip_prefix(root) else { continue };
            match path.split_once('/') {
                Some((CHANNELS, file)) if is_yaml(file) => reader.yaml(path, bytes, Reader::channel),
                Some((BLOCKED, file)) if is_yaml(file) => reader.yaml(path, bytes, Reader::blocked),
                _ if path == RAW => reader.amendments(bytes),
                _ if path == SCHEMA => reader.schema(bytes),
                _ => {}
            }
        }
        (reader.data, reader.findings.into_findings())
    }
}

/// What stands before `channels/` in the paths; the shortest, where there are several.
fn root(files: &[(String, Vec<u8>)]) -> Option<&str> {
    let roots = files.iter().filter_map(|(path, _)| {
        let (folder, file) = path.rsplit_once('/')?;
        let root = folder.strip_suffix(CHANNELS)?;
        (is_yaml(file) && (root.is_empty() || root.ends_with('/'))).then_some(root)
    });
    roots.min_by_key(|root| (root.len(), *root))
}

/// The update service reads `*.yaml` right in the folder and passes over everything else.
fn is_yaml(file: &str) -> bool {
    !file.contains('/') && file.rsplit_once('.').is_some_and(|(_, kind)| kind == "yaml")
}

struct Reader<'r> {
    name: &'r str,
    limits: &'r Limits,
    data: GraphData,
    findings: Findings,
    /// Most files share a few expressions.
    expressions: BTreeMap<String, Regex>,
}

impl Reader<'_> {
    fn yaml(&mut self, path: &str, bytes: &[u8], read: fn(&mut Self, &mut Form<'_>, &Node)) {
        let file = format!("{}/{path}", self.name);
        let text = String::from_utf8_lossy(bytes);
        let document = match parse(&text, self.limits) {
            Ok(documents) => documents.into_iter().next(),
            Err(error) => {
                let line = Some(error.line);
                let finding = Finding::error("GRAPH_DATA_SYNTAX", path, error).hint(FETCH_AGAIN);
                return self.findings.push(finding.at(file, line));
            }
        };
        let mut form = Form::new(&file, "GRAPH_DATA");
        match &document {
            Some(document) => read(self, &mut form, document),
            None => form.error(1, "SYNTAX", path, "the file is empty", FETCH_AGAIN),
        }
        self.findings.extend(form.into_findings().into_iter().map(|finding| {
            // A field that came later is no reason to refuse: a change of meaning raises the schema's version.
            let unknown = finding.code.ends_with("_UNKNOWN_FIELD");
            match finding.severity {
                _ if unknown => Finding { severity: Severity::Info, ..finding },
                Severity::Error if finding.hint.is_empty() => finding.hint(FETCH_AGAIN),
                _ => finding,
            }
        }));
    }

    fn channel(&mut self, form: &mut Form<'_>, document: &Node) {
        let known = ["name", "versions", "feeder", "tombstones"];
        let Some(fields) = form.fields(document, "", &known) else { return };
        fields.require(form, "name", "give the channel its name");
        let Some(name) = fields.text(form, "name") else { return };
        let mut versions = BTreeSet::new();
        for (at, node) in fields.list(form, "versions").iter().enumerate() {
            let subject = format!("versions[{at}]");
            let Some(text) = form.text(node, &subject) else { continue };
            match Version::parse(text) {
                Ok(version) if versions.contains(&version) => {
                    let finding =
                        Finding::info("GRAPH_DATA_TWICE", subject, format!("{version} stands there twice"));
                    form.push(node.line, finding);
                }
                Ok(version) => {
                    versions.insert(version);
                }
                Err(error) => form.error(node.line, "VERSION", &subject, error, ""),
            }
        }
        if self.data.channels.insert(name.to_owned(), versions).is_some() {
            form.error(
                fields.line_of("name"),
                "CHANNEL",
                "name",
                format!("another file is channel {name}, too"),
                "",
            );
        }
    }

    fn blocked(&mut self, form: &mut Form<'_>, document: &Node) {
        let known = ["to", "from", "url", "name", "message", "matchingRules", "fixedIn", "autoExtend"];
        let Some(fields) = form.fields(document, "", &known) else { return };
        fields.require(form, "to", "name the release");
        fields.require(form, "from", "write a regular expression for the releases before it");
        let to = fields.parsed::<Version>(form, "to", "VERSION");
        let from = fields.text(form, "from").and_then(|text| self.expression(form, &fields, text));
        let risk = fields.has("matchingRules").then(|| risk(form, &fields));
        let (Some(to), Some(from)) = (to, from) else { return };
        match risk {
            None => self.data.blocked.push(BlockedEdge { to, from, risk: None }),
            Some(Some(risk)) => self.data.blocked.push(BlockedEdge { to, from, risk: Some(risk) }),
            // What it lacks was told.
            Some(None) => {}
        }
    }

    fn expression(&mut self, form: &mut Form<'_>, fields: &Fields<'_>, text: &str) -> Option<Regex> {
        if let Some(known) = self.expressions.get(text) {
            return Some(known.clone());
        }
        match RegexBuilder::new(text).size_limit(REGEX_BYTES).build() {
            Ok(expression) => {
                self.expressions.insert(text.to_owned(), expression.clone());
                Some(expression)
            }
            Err(error) => {
                let why = error.to_string().lines().last().unwrap_or_default().to_owned();
                form.error(
                    fields.line_of("from"),
                    "REGEX",
                    "from",
                    format!("the expression cannot be used: {why}"),
                    "",
                );
                None
            }
        }
    }

    fn schema(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let found = Version::parse(text.trim());
        let (major, minor) = KNOWN_SCHEMA;
        if !found.as_ref().is_ok_and(|found| found.major() == major && found.minor() <= minor) {
            let shown: String = text.trim().chars().take(40).collect();
            let message =
                format!("its schema is `{shown}`, and {major}.{minor} is the newest that is known here");
            let finding = Finding::error("GRAPH_DATA_SCHEMA", SCHEMA, message).hint("use a newer ombundle");
            self.findings.push(finding.at(format!("{}/{SCHEMA}", self.name), Some(1)));
        }
    }

    fn amendments(&mut self, bytes: &[u8]) {
        type Amendments = BTreeMap<Version, BTreeMap<String, String>>;
        let file = format!("{}/{RAW}", self.name);
        match serde_json::from_slice::<Amendments>(bytes) {
            Ok(all) => {
                for (version, keys) in all {
                    let known = keys.into_iter().filter_map(|(key, value)| {
                        Some((version.clone(), key.strip_prefix(KEY)?.to_owned(), value))
                    });
                    self.data.amendments.extend(known);
                }
            }
            Err(error) => {
                let line = u64::try_from(error.line()).ok();
                let finding = Finding::error("GRAPH_DATA_SYNTAX", RAW, error).hint(FETCH_AGAIN);
                self.findings.push(finding.at(file, line));
            }
        }
    }
}

/// The risk of a file that has matching rules; nothing where it is not whole.
fn risk(form: &mut Form<'_>, fields: &Fields<'_>) -> Option<Risk> {
    for field in ["name", "url", "message"] {
        fields.require(form, field, "an edge with matching rules needs it");
    }
    let mut rules = Vec::new();
    for (at, node) in fields.list(form, "matchingRules").iter().enumerate() {
        rules.push(rule(form, node, &format!("matchingRules[{at}]"))?);
    }
    if rules.is_empty() {
        form.error(fields.line_of("matchingRules"), "NO_RULE", "matchingRules", "there is no rule in it", "");
        return None;
    }
    let mut text = |field| fields.text(form, field).map(str::to_owned);
    Some(Risk { name: text("name")?, url: text("url")?, message: text("message")?, matching_rules: rules })
}

fn rule(form: &mut Form<'_>, node: &Node, path: &str) -> Option<MatchingRule> {
    let fields = form.fields(node, path, &["type", "promql"])?;
    fields.require(form, "type", "for instance `Always` or `PromQL`");
    let kind = fields.text(form, "type")?.to_owned();
    let promql = match fields.value("promql") {
        None => None,
        Some(query) => {
            let query = form.fields(query, &fields.name("promql"), &["promql"])?;
            query.require(form, "promql", "write the query");
            Some(query.text(form, "promql")?.to_owned())
        }
    };
    Some(MatchingRule { kind, promql })
}
