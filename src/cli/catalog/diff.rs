//! `catalog diff`: what one catalog offers and the other does not.

use clap::Args;

use crate::catalog::diff::{
    BundleDiff, CatalogDiff, Change, ChannelDiff, EntryDiff, Moved, PackageDiff, Sets, diff,
};
use crate::cli::catalog::load_two;
use crate::cli::failure::Failure;
use crate::cli::options::{ResultFormat, UpstreamArgs};
use crate::cli::{Context, print, print_json};
use crate::fault::Exit;
use crate::text::{Safe, counted};

/// Show how one catalog differs from another
///
/// Packages, default channels, channels, heads, entries and their edges, bundles, deprecations, and the images that come and go.
/// Texts are compared by what they mean: order of keys, indent, and JSON or YAML make no difference.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ombundle catalog diff ./catalog.old ./catalog\n  \
                  ombundle catalog diff nexus.example:5000/olm/index:v4.20 ./catalog\n  \
                  ombundle catalog diff ./a ./b --format json | jq '.images.added[]'\n\n\
                  `+` comes, `-` goes, `~` is another. Exit code 10 means that there are differences, or that a catalog has errors: then nothing \
                  is compared, and standard output stays empty.")]
pub(super) struct DiffCommand {
    /// The catalog as it was
    a: String,

    /// The catalog as it is
    b: String,

    /// How the result looks
    #[arg(long, value_enum, default_value = "text")]
    format: ResultFormat,

    #[command(flatten)]
    upstream: UpstreamArgs,
}

pub(super) fn run(command: DiffCommand, context: &Context) -> Result<(), Failure> {
    let [old, new] = load_two([&command.a, &command.b], &command.upstream, context)?;
    let found = diff(&old, &new);
    match command.format {
        ResultFormat::Json => print_json(&found)?,
        ResultFormat::Text => print(&Page::of(&found).0)?,
    }
    if found.is_empty() { Ok(()) } else { Err(Failure::findings(Exit::Findings, "the catalogs differ")) }
}

/// Lines for people; each name on one line whatever is in it.
struct Page(String);

impl Page {
    fn of(found: &CatalogDiff) -> Self {
        let mut page = Self(String::new());
        for (name, package) in &found.packages {
            page.package(name, package);
        }
        page.sets("blob of no package", 0, &found.others);
        if !found.images.is_empty() {
            page.line(0, '~', &format!("images: {}", counts(&found.images)));
            page.sets("", 1, &found.images);
        }
        page
    }

    fn line(&mut self, depth: usize, sign: char, text: &str) {
        self.0.push_str(&format!("{}{sign} {}\n", "  ".repeat(depth), Safe(text)));
    }

    fn package(&mut self, name: &str, package: &PackageDiff) {
        let mut facts = Vec::new();
        facts.extend(package.default_channel.as_ref().map(|it| arrow(package.change, "default channel", it)));
        if package.change != Change::Changed {
            facts.push(counted(package.channels.len(), "channel"));
            facts.push(counted(package.bundles.len(), "bundle"));
        }
        facts.extend(fields(&package.fields));
        self.line(0, sign(package.change), &with(&format!("package {name}"), &facts));
        if package.change != Change::Changed {
            return;
        }
        for (name, channel) in &package.channels {
            self.channel(name, channel);
        }
        for (name, bundle) in &package.bundles {
            self.bundle(name, bundle);
        }
        let deprecations = &package.deprecations;
        for (sign, told) in [('+', &deprecations.added), ('-', &deprecations.removed)] {
            for (what, message) in told {
                self.line(1, sign, &format!("deprecation of {what}: {message}"));
            }
        }
        for (what, message) in &deprecations.changed {
            self.line(1, '~', &format!("deprecation of {what}: {} → {}", message.from, message.to));
        }
        self.sets("blob", 1, &package.others);
    }

    fn channel(&mut self, name: &str, channel: &ChannelDiff) {
        let mut facts = Vec::new();
        facts.extend(channel.head.as_ref().map(|it| arrow(channel.change, "head", it)));
        if channel.change != Change::Changed {
            facts.push(counted(channel.entries.len(), "entry"));
        }
        facts.extend(fields(&channel.fields));
        self.line(1, sign(channel.change), &with(&format!("channel {name}"), &facts));
        if channel.change == Change::Changed {
            for (name, it) in &channel.entries {
                self.line(2, sign(it.change), &with(name, &edges(it)));
            }
        }
    }

    fn bundle(&mut self, name: &str, bundle: &BundleDiff) {
        let mut facts = Vec::new();
        facts.extend(bundle.version.as_ref().map(|it| arrow(bundle.change, "version", it)));
        facts.extend(
            bundle
                .image
                .as_ref()
                .filter(|_| bundle.change == Change::Changed)
                .map(|it| arrow(bundle.change, "image", it)),
        );
        if bundle.change == Change::Changed && !bundle.related_images.is_empty() {
            facts.push(format!("related images {}", counts(&bundle.related_images)));
        }
        if !bundle.properties.is_empty() {
            facts.push(format!("properties {}", bundle.properties.join(", ")));
        }
        facts.extend(fields(&bundle.fields));
        self.line(1, sign(bundle.change), &with(&format!("bundle {name}"), &facts));
    }

    fn sets(&mut self, what: &str, depth: usize, sets: &Sets) {
        let what = if what.is_empty() { String::new() } else { format!("{what} ") };
        for (sign, texts) in [('+', &sets.added), ('-', &sets.removed)] {
            for text in texts {
                self.line(depth, sign, &format!("{what}{text}"));
            }
        }
    }
}

fn sign(change: Change) -> char {
    match change {
        Change::Added => '+',
        Change::Removed => '-',
        Change::Changed => '~',
    }
}

/// The edges of an entry as far as they differ.
fn edges(entry: &EntryDiff) -> Vec<String> {
    let mut facts = Vec::new();
    facts.extend(entry.replaces.as_ref().map(|it| arrow(entry.change, "replaces", it)));
    if !entry.skips.is_empty() {
        let one_side = |set: &std::collections::BTreeSet<String>, sign: char| {
            set.iter().map(|name| format!("{sign}{name}")).collect::<Vec<_>>()
        };
        let names = match entry.change {
            Change::Changed => {
                [one_side(&entry.skips.added, '+'), one_side(&entry.skips.removed, '-')].concat().join(" ")
            }
            Change::Added | Change::Removed => counts(&entry.skips),
        };
        facts.push(format!("skips {names}"));
    }
    facts.extend(entry.skip_range.as_ref().map(|it| arrow(entry.change, "skipRange", it)));
    facts
}

/// `what a → b`; of something that comes or goes only what it has.
fn arrow(change: Change, what: &str, moved: &Moved<Option<String>>) -> String {
    let [from, to] = [&moved.from, &moved.to].map(|side| side.as_deref().unwrap_or("none"));
    match change {
        Change::Added => format!("{what} {to}"),
        Change::Removed => format!("{what} {from}"),
        Change::Changed => format!("{what} {from} → {to}"),
    }
}

fn fields(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| format!("other {}", names.join(", ")))
}

fn with(subject: &str, facts: &[String]) -> String {
    if facts.is_empty() { subject.to_owned() } else { format!("{subject}: {}", facts.join("; ")) }
}

fn counts(sets: &Sets) -> String {
    let side = |count: usize, sign: char| (count > 0).then(|| format!("{sign}{count}"));
    let sides = [side(sets.added.len(), '+'), side(sets.removed.len(), '-')];
    sides.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
