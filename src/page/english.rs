//! The page in English.

use crate::draw::{self, Key, Mark, Stroke};
use crate::finding::Severity;
use crate::page::message::{Drawing, Message};
use crate::plan::HopEdge;
use crate::plan::order::Why;
use crate::release::{EusStep, ReleaseChange};
use crate::text::{counted, human_bytes};

#[expect(clippy::too_many_lines, reason = "one sentence a line, nothing else")]
pub(super) fn say(message: &Message) -> String {
    use Message as M;
    match message {
        M::Archive => "Upgrade archive".into(),
        M::Plan => "Upgrade plan".into(),
        M::Generation { number, channel, target: Some(target) } => format!("Generation {number} of channel {channel}, only for the site {target}"),
        M::Generation { number, channel, target: None } => format!("Generation {number} of channel {channel}, for any site"),
        M::Carries { operators, releases, images, bytes } => {
            let releases = if *releases == 0 { String::new() } else { format!("{}, ", counted(*releases, "OpenShift release")) };
            format!("It carries {releases}{} and {}: {}.", counted(*operators, "operator"), counted(*images, "image"), human_bytes(*bytes))
        }
        M::Language => "Language".into(),
        M::Chapters => "Chapters".into(),

        M::Carry => "To carry".into(),
        M::Volumes { count } => counted(*count, "file"),
        M::NewImages => "New images".into(),
        M::ThereAlready => "There already".into(),
        M::Download => "To download".into(),
        M::Growth => "Registries grow by".into(),
        M::GrowthEach => "each".into(),
        M::Made => "Planned".into(),
        M::Expires => "Not taken after".into(),
        M::Platforms => "Platforms".into(),
        M::AllPlatforms => "all that each image has".into(),

        M::Aloud => "To read aloud".into(),
        M::AloudWhy => "Read these groups to each other before the medium crosses: both sides must see the same.".into(),
        M::ArchiveDigest => "Archive".into(),
        M::PlanDigest => "Plan".into(),
        M::Unsigned => "A page like this one proves nothing by itself. What counts is that `ombundle verify` accepts the archive and names the same digest.".into(),

        M::Changes => "What changes".into(),
        M::What => "What".into(),
        M::From => "From".into(),
        M::To => "To".into(),
        M::Steps => "Steps".into(),
        M::Reason => "Why".into(),
        M::NotKnown => "not known to run".into(),
        M::Offers { count } => format!("{} on offer", counted(*count, "version")),
        M::Stays => "stays".into(),
        M::Because { required_by } => {
            if required_by.is_empty() { "asked for".into() } else { format!("required by {}", required_by.join(", ")) }
        }
        M::Hops { count } => counted(*count, "hop"),
        M::Updates { count } => counted(*count, "update"),
        M::UpdateChannel { name } => format!("update channel {name}"),
        M::Arrives => "arrives".into(),
        M::Order => "In this order".into(),
        M::OrderWhy => "OpenShift and its operators block each other in places. This is the order in which nothing gets stuck.".into(),
        M::OrderBecause(why) => match why {
            Why::Frees { openshift } => format!("OpenShift refuses {openshift} while the former version runs"),
            Why::First => "operators go first where they can".into(),
            Why::NeedsKubernetes { kubernetes } => format!("it needs Kubernetes {kubernetes}"),
            Why::CatalogFor { openshift } => format!("its catalog is for OpenShift {openshift}"),
            Why::WouldHaveBlocked { openshift } => format!("with it OpenShift would have refused {openshift}"),
        },

        M::Ways => "The way of each".into(),
        M::WaysWhy => "Newest on top. The thick line is the way that will be taken; its numbers are the steps below it.".into(),
        M::OpenShiftWay => "OpenShift".into(),
        M::NoWay => "Nothing of it is known to run, so there is no way to draw from. These are the versions on offer.".into(),
        M::NotDrawn { entries } => format!("The graph has {entries} entries, too many to draw here: `ombundle catalog graph` draws one channel at a time."),
        M::Explained(key, of) => explained(*key, *of).into(),
        M::Noted(note) => draw::english(note),
        M::Number => "No.".into(),
        M::InChannel => "Channel".into(),
        M::AllowedBy => "Allowed because".into(),
        M::Allows(edge) => match edge {
            HopEdge::Replaces => "it replaces the former",
            HopEdge::Skips => "it skips the former",
            HopEdge::SkipRange => "its skipRange holds the former",
            HopEdge::Bridge => "its CSV says that it replaces the former; the catalog lost this",
        }
        .into(),
        M::Change => "Change".into(),
        M::Kubernetes => "Kubernetes".into(),
        M::Risks => "Known risks".into(),
        M::Changed(change, eus) => {
            let change = match change {
                ReleaseChange::Patch => "within the minor release",
                ReleaseChange::Minor => "to the next minor release",
                ReleaseChange::Major => "to the next major release",
            };
            match eus {
                None => change.into(),
                Some(EusStep::Through) => format!("{change}; worker pools may stay paused"),
                Some(EusStep::Reached) => format!("{change}; worker pools follow now"),
            }
        }
        M::NoRisk => "none".into(),
        M::Accepted => "accepted".into(),
        M::NotAccepted => "not accepted".into(),
        M::Gates => "Before the cluster leaves its minor release, an administrator must acknowledge:".into(),

        M::Images => "What travels".into(),
        M::ImagesSaid { new, there, bytes } => format!("{}, {there} there already; the archive has {}.", counted(*new, "new image"), human_bytes(*bytes)),
        M::Treemap => "Each rectangle is an image, as large as the bytes that it adds to the archive. What belongs together has one colour.".into(),
        M::AddNothing { count: 1 } => "1 image adds nothing and is not drawn: all of it comes with others, or is there already.".into(),
        M::AddNothing { count } => format!("{count} images add nothing and are not drawn: all of them comes with others, or is there already."),
        M::Prerequisites { count, bytes } => format!("{} ({}) stay at home because production has them; the import looks for each before it writes anything.", counted(*count, "object"), human_bytes(*bytes)),
        M::Release { version } => format!("OpenShift {version}"),
        M::Catalogs => "Catalogs to build on".into(),
        M::GraphData => "Update service".into(),
        M::Additional => "Additional images".into(),
        M::Others => "Other images".into(),
        M::Counted { count, bytes } => format!("{}, {}", counted(*count, "image"), human_bytes(*bytes)),
        M::Opened => "A list that is closed here is closed on paper too. The whole table is CONTENTS.csv.".into(),
        M::Image => "Image".into(),
        M::Size => "Size".into(),
        M::Adds => "Adds".into(),
        M::Status => "Status".into(),
        M::IsNew => "new".into(),
        M::IsShared => "new, adds nothing".into(),
        M::IsThere => "there already".into(),

        M::Findings => "To know before approving".into(),
        M::NoFindings => "Nothing was found.".into(),
        M::Weight(Severity::Error) => "error".into(),
        M::Weight(Severity::Warning) => "warning".into(),
        M::Weight(Severity::Info) => "note".into(),
        M::Remedy => "Remedy".into(),

        M::Seal => "Signatures and files".into(),
        M::NotSigned => "This is a plan: there is no archive yet, and nothing is signed. `pack --plan` makes exactly this one.".into(),
        M::SignedBy { count } => format!("The table of contents, and through it every byte, is signed with {}.", counted(*count, "key")),
        M::Key => "Key".into(),
        M::ReleaseSignatures => "The OpenShift releases are signed by their vendor; the signatures were good when the plan was made, and travel along.".into(),
        M::SignedAt => "Signed".into(),
        M::OneFile => "The archive is one file.".into(),
        M::InVolumes { count } => format!("The archive lies in {}. Each can be checked by itself; all of them are needed.", counted(*count, "volume")),
        M::File => "File".into(),
        M::Bytes => "Bytes".into(),
        M::Sums { file } => format!("Their SHA-256 sums stand in {file}."),

        M::Import => "What happens on site".into(),
        M::ImportWhy => "Before step 3 nothing is written anywhere. The cluster changes only in step 4, by hand.".into(),
        M::CheckFiles => "Are the files those that were written?".into(),
        M::CheckFilesSays => "Stock tools are enough.".into(),
        M::Verify => "Is the archive to be trusted?".into(),
        M::VerifySays => "Signatures, age, site, generation, every byte. No network.".into(),
        M::Run => "Import".into(),
        M::RunSays { images } => format!("Verifies again, pushes {} to staging, then to production by digest; joins what arrives with the catalogs that production serves, losing nothing; and moves each catalog’s tag in one request. Until that request production is as it was. Run again, it goes on where it stopped.", counted(*images, "image")),
        M::RunCatalogs => "Catalogs that change:".into(),
        M::Follow => "Follow the runbook".into(),
        M::FollowSays => "The import writes OUT/RUNBOOK.md (also in Korean and Chinese) for what really runs by then: every command with what it prints, and the way back in OUT/back/.".into(),
        M::NothingElse => "Nothing is deleted from a registry, and no object in the cluster is overwritten.".into(),

        M::Approval => "Approval".into(),
        M::ApprovedBy => "Approved by".into(),
        M::CarriedBy => "Carried by".into(),
        M::ReceivedBy => "Received by".into(),
        M::Name => "Name".into(),
        M::Date => "Date".into(),
        M::Signature => "Signature".into(),
        M::Beside => "Beside this page: CONTENTS.csv has every image for a spreadsheet, SBOM.json is a bill of materials (CycloneDX), SUMMARY.txt one page to sign.".into(),
        M::MadeBy { tool } => format!("Written by {tool}"),
    }
}

fn explained(key: Key, of: Drawing) -> &'static str {
    match (key, of) {
        (Key::Path, _) => "the way that is taken",
        (Key::Stroke(Stroke::Solid), Drawing::Channels) => "replaces",
        (Key::Stroke(Stroke::Dashed), Drawing::Channels) => "skips",
        (Key::Stroke(Stroke::Dotted), _) => "skipRange",
        (Key::Stroke(Stroke::Double), _) => "replaces, as the operator says and the catalog does not",
        (Key::Stroke(Stroke::Link), _) => "the Subscription changes its channel",
        (Key::Stroke(Stroke::Solid), Drawing::Releases) => "update within a minor release",
        (Key::Stroke(Stroke::Dashed), Drawing::Releases) => "update to the next minor release",
        (Key::Mark(Mark::Installed), _) => "runs now",
        (Key::Mark(Mark::Target), _) => "to be reached",
        (Key::Mark(Mark::Withheld), _) => "offered to nobody",
        (Key::Mark(Mark::Absent), _) => "not in the archive’s catalog",
        (Key::Mark(Mark::Deprecated), _) => "deprecated",
        (Key::Mark(Mark::Head), _) => "newest of its channel",
        (Key::Mark(Mark::OnPath), _) => "on the way",
    }
}
