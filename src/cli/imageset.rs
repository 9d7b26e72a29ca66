//! `imageset`: the ImageSetConfiguration from names and versions of operators.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::cli::access::Reached;
use crate::cli::failure::{Failure, show_findings};
use crate::cli::inputs::{cluster_dumps, in_a_folder, summary};
use crate::cli::options::UpstreamArgs;
use crate::cli::{Context, print};
use crate::fault::Exit;
use crate::finding::{Finding, Severity, has_errors};
use crate::flow;
use crate::flow::catalog::LoadedCatalog;
use crate::imageset::Api;
use crate::imageset::generate::{
    Configuration, Running, Selector, Source, Wish, generate, refused_by_oc_mirror, source_of,
};
use crate::limits::LIMITS;
use crate::plan::{belongs, installed_of, strangers};
use crate::reference::ImageRef;
use crate::site::InstalledOperator;
use crate::store::files::{self, Mode};
use crate::text::Safe;

/// Connected side: write an ImageSetConfiguration from names and versions of operators
///
/// An operator is `name`, `name|name.v1.2.3|name.v1.1.0`, or `name|>=1.2 <2`. The default channel always comes along; versions
/// that it has not got bring in the channel that has them, and the lowest one that is asked for becomes the minimum. Where it is
/// known what runs (`--installed`, `--cluster`), a name alone means the hops that OLM takes from there to the head, or to `--to`.
/// Each line of the file says why it is there, and the file is checked by oc-mirror's rules before it is written.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ombundle imageset --catalog registry.redhat.io/redhat/redhat-operator-index:v4.20 \\\n    \
                  'web-terminal' 'advanced-cluster-management|advanced-cluster-management.v2.12.1' -o imageset.yaml\n  \
                  ombundle imageset --catalog registry.redhat.io/redhat/redhat-operator-index:v4.20=./catalog \\\n    \
                  --installed web-terminal.v1.8.0 --to web-terminal.v1.14.0 -o imageset.yaml\n  \
                  ombundle imageset --catalog ./catalog --cluster dump.json\n  \
                  ombundle imageset --catalog ./catalog --from-file operators.txt"
)]
pub(super) struct ImagesetCommand {
    /// Operators. With none, all that are installed
    #[arg(value_name = "NAME[|VERSION…]")]
    operators: Vec<Selector>,

    /// A catalog: an image, `oci:DIR`, a folder or a file. `REF=DIR` says what the file shall call a folder. Of several the first
    /// one that has an operator is taken
    #[arg(long, value_name = "[REF=]CATALOG", required = true)]
    catalog: Vec<String>,

    /// A list of operators, one a line, `#` begins a comment; `-` is standard input
    #[arg(long, value_name = "LIST")]
    from_file: Vec<PathBuf>,

    /// An operator that runs at the site, by the name of its CSV; the upgrade path starts there
    #[arg(long, value_name = "NAME.vX.Y.Z")]
    installed: Vec<String>,

    /// A dump of the cluster (`oc get csv,subs -A -o json`), instead of naming what runs
    #[arg(long, value_name = "DUMP.json")]
    cluster: Vec<PathBuf>,

    /// Where an upgrade shall end; by default at the head of the channel
    #[arg(long, value_name = "NAME.vX.Y.Z")]
    to: Vec<String>,

    /// For a name alone: take another channel beside the default only if its head is higher
    #[arg(long)]
    only_higher_channel: bool,

    /// Fail where an operator or a version is not found, instead of leaving it out
    #[arg(long)]
    strict: bool,

    /// The version of the file's format
    #[arg(long, value_enum, default_value = "v2alpha1")]
    api: ApiVersion,

    /// The file; standard output when absent. Not written where something is wrong
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    upstream: UpstreamArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ApiVersion {
    /// For oc-mirror v2
    V2alpha1,
    /// For oc-mirror v1
    V1alpha2,
}

impl From<ApiVersion> for Api {
    fn from(version: ApiVersion) -> Self {
        match version {
            ApiVersion::V2alpha1 => Self::V2Alpha1,
            ApiVersion::V1alpha2 => Self::V1Alpha2,
        }
    }
}

pub(super) fn run(command: ImagesetCommand, context: &Context) -> Result<(), Failure> {
    if let Some(output) = &command.output {
        in_a_folder(output)?;
    }
    let asked = selectors(&command)?;
    let installed = installed(&command)?;
    if asked.is_empty() && installed.is_empty() {
        return Err(nobody_asked());
    }
    let reached = Reached::new(&command.upstream, context)?;
    let mut catalogs = Vec::new();
    for (index, text) in command.catalog.iter().enumerate() {
        let mut named = Named::of(text, index + 1)?;
        let loaded = flow::catalog::load(&named.place, reached.upstream(), &*context.console, &LIMITS)?;
        if let Some(image) = loaded.image.as_ref().filter(|_| !named.unnamed) {
            named.note = format!("as of {}", image.root.digest());
        }
        catalogs.push((named, loaded));
    }
    let sources: Vec<Source<'_>> = catalogs.iter().map(|(named, loaded)| named.source(loaded)).collect();
    let asked = if asked.is_empty() { all_installed(&sources, &installed)? } else { asked };
    let (wishes, mut findings) = wishes(&sources, asked, &installed, &command.to)?;
    findings.extend(foreign(&sources, &installed, &command));
    findings.extend(catalogs.iter().flat_map(|(named, loaded)| broken(named, loaded, &wishes)));

    let made = generate(&sources, &wishes, command.only_higher_channel);
    findings.extend(made.findings);
    if command.strict {
        let missing = |finding: &&mut Finding| finding.code.ends_with("_NOT_FOUND");
        findings.iter_mut().filter(missing).for_each(|finding| finding.severity = Severity::Error);
    }
    let nothing = made.configuration.catalogs.is_empty();
    let text = made.configuration.to_yaml(command.api.into());
    if !nothing && !has_errors(&findings) {
        // What is written is what oc-mirror and `plan` take: it is read back before anybody else reads it.
        findings.extend(refused_by_oc_mirror(text.as_bytes(), "what would be written", &sources, &LIMITS));
    }
    show_findings(&findings);
    if has_errors(&findings) {
        return Err(summary(Exit::Findings, "the ImageSetConfiguration", &findings));
    }
    if nothing {
        return Err(Failure::findings(Exit::Findings, "nothing is left to ask for"));
    }
    let Some(output) = &command.output else { return print(&text) };
    files::replace(output, text.as_bytes(), Mode::Public)?;
    print(&format!("{}next: ombundle plan -c {} -o plan.json\n", told(&made.configuration), output.display()))
}

/// A catalog as the file calls it, and where it is read.
struct Named {
    name: String,
    place: String,
    /// Whether the name is made up, because a folder has none.
    unnamed: bool,
    /// What it was when it was read.
    note: String,
}

impl Named {
    /// `REF=PLACE`, an image, or a folder, file or layout, which has no name: it gets one to be changed.
    fn of(text: &str, number: usize) -> Result<Self, Failure> {
        if Path::new(text).exists() || text.starts_with("oci:") {
            return Ok(Self {
                name: format!("registry.example/catalog-{number}:latest"),
                place: text.to_owned(),
                unnamed: true,
                note: "CHANGE THIS: it was read from a folder, which has no name".to_owned(),
            });
        }
        let (name, place) = text.split_once('=').unwrap_or((text, text));
        let parsed = name.parse::<ImageRef>().map_err(|error| {
            Failure::from(error)
                .about(format!("`{}` is neither a folder, nor a file, nor an image", Safe(name)))
        })?;
        Ok(Self { name: parsed.to_string(), place: place.to_owned(), unnamed: false, note: String::new() })
    }

    fn source<'a>(&'a self, loaded: &'a LoadedCatalog) -> Source<'a> {
        Source { name: &self.name, note: &self.note, catalog: &loaded.catalog }
    }
}

/// All that was asked for, on the command line and in lists, each package once.
fn selectors(command: &ImagesetCommand) -> Result<Vec<Selector>, Failure> {
    let mut all = command.operators.clone();
    for path in &command.from_file {
        let bytes = if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().take(LIMITS.yaml_bytes).read_to_end(&mut bytes);
            read.map_err(|error| Failure::usage(format!("could not read standard input: {error}")))?;
            bytes
        } else {
            files::read(path, LIMITS.yaml_bytes)?
        };
        let list = Selector::parse_list(&String::from_utf8_lossy(&bytes)).map_err(|error| {
            Failure::from(error).about(format!("`{}` is no list of operators", path.display()))
        })?;
        all.extend(list);
    }
    Ok(Selector::united(all)?)
}

fn installed(command: &ImagesetCommand) -> Result<Vec<InstalledOperator>, Failure> {
    let dumped = cluster_dumps(&command.cluster)?.map(|dump| dump.installed()).unwrap_or_default();
    let named = command.installed.iter().map(|name| InstalledOperator {
        name: name.clone(),
        version: None,
        package: None,
        channel: None,
        namespace: None,
    });
    Ok(named.chain(dumped).collect())
}

/// Every package of which something runs.
fn all_installed(sources: &[Source<'_>], installed: &[InstalledOperator]) -> Result<Vec<Selector>, Failure> {
    let runs = |name: &&String| {
        source_of(sources, name)
            .is_some_and(|(_, package)| installed.iter().any(|operator| belongs(package, operator)))
    };
    let names: std::collections::BTreeSet<&String> =
        sources.iter().flat_map(|source| source.catalog.packages.keys()).collect();
    let found = names.into_iter().filter(runs).map(|name| name.parse()).collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() {
        return Err(nobody_asked());
    }
    Ok(found)
}

fn nobody_asked() -> Failure {
    Failure::usage("no operator is asked for").hint(
        "name operators, give a list with `--from-file`, or say what runs with `--installed` or `--cluster`",
    )
}

/// Each selector with what runs of it and where it shall go.
fn wishes(
    sources: &[Source<'_>],
    asked: Vec<Selector>,
    installed: &[InstalledOperator],
    targets: &[String],
) -> Result<(Vec<Wish>, Vec<Finding>), Failure> {
    let (mut wishes, mut findings) = (Vec::new(), Vec::new());
    let alone = asked.len() == 1;
    let mut taken = std::collections::BTreeSet::new();
    for selector in asked {
        let mut wish = Wish { selector, running: Vec::new(), to: None };
        if let Some((_, package)) = source_of(sources, &wish.selector.package) {
            let (running, wrong) = installed_of(package, installed);
            findings.extend(wrong);
            let running = running.into_iter().map(|it| Running { start: it.start, channel: it.channel });
            wish.running.extend(running);
            let dotted = format!("{}.", package.name);
            let meant = |to: &&String| alone || package.bundles.contains_key(*to) || to.starts_with(&dotted);
            wish.to = targets.iter().find(meant).cloned();
        }
        if let Some(to) = &wish.to {
            taken.insert(to.clone());
            if wish.running.is_empty() {
                let text = format!(
                    "it is not known what runs of `{}`, from where to go to `{to}`",
                    wish.selector.package
                );
                return Err(Failure::usage(text).hint("say it with `--installed NAME.vX.Y.Z` or `--cluster`"));
            }
        }
        wishes.push(wish);
    }
    if let Some(to) = targets.iter().find(|to| !taken.contains(*to)) {
        let text = format!("`--to {}` belongs to no operator that is asked for", Safe(to));
        return Err(
            Failure::usage(text).hint("write the name of a CSV, `NAME.vX.Y.Z`, once for each operator")
        );
    }
    Ok((wishes, findings))
}

/// Operators that were named by hand and belong to no package of the catalogs.
fn foreign(
    sources: &[Source<'_>],
    installed: &[InstalledOperator],
    command: &ImagesetCommand,
) -> Vec<Finding> {
    let packages: Vec<_> = sources.iter().flat_map(|source| source.catalog.packages.values()).collect();
    let named = installed.get(..command.installed.len()).unwrap_or_default();
    strangers(named, &packages)
}

/// What is wrong with the catalog, as far as it concerns packages that are asked for; and that it has no name.
fn broken(named: &Named, loaded: &LoadedCatalog, wishes: &[Wish]) -> Vec<Finding> {
    let about = |finding: &&Finding| {
        wishes.iter().any(|wish| {
            let subject = format!("package {}", wish.selector.package);
            finding
                .subject
                .strip_prefix(&subject)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(','))
        })
    };
    let mut findings: Vec<Finding> = loaded.findings.iter().filter(about).cloned().collect();
    // What is broken is left out and said; the rest can be asked for.
    for finding in &mut findings {
        finding.severity = finding.severity.min(Severity::Warning);
    }
    if named.unnamed {
        let message = format!("a folder has no name that a registry knows; the file says `{}`", named.name);
        let hint = format!("write `--catalog REF={}`, with the catalog's own reference", named.place);
        findings.push(Finding::warning("CATALOG_UNNAMED", &named.place, message).hint(hint));
    }
    findings
}

/// What was decided, for people.
fn told(configuration: &Configuration) -> String {
    let mut text = String::new();
    for catalog in &configuration.catalogs {
        text.push_str(&format!("{}\n", Safe(&catalog.name.value)));
        for package in &catalog.packages {
            text.push_str(&format!("  {}\n", Safe(&package.name)));
            for channel in &package.channels {
                let bound = |sign: &str, bound: Option<&crate::imageset::generate::Noted>| {
                    bound.map(|it| format!(" {sign}{}", it.value)).unwrap_or_default()
                };
                let bounds = bound(">=", channel.min.as_ref()) + &bound("<=", channel.max.as_ref());
                let (name, why) = (Safe(&channel.name.value), Safe(&channel.name.why));
                text.push_str(&format!("    {name}{bounds}  ({why})\n"));
            }
        }
    }
    text
}
