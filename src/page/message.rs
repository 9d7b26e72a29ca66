//! All that the page can say. Each language says each of them; the compiler sees that none is forgotten.

use crate::draw::{Key, Note, Stroke};
use crate::finding::Severity;
use crate::plan::HopEdge;
use crate::plan::order::Why;
use crate::release::{EusStep, ReleaseChange};

/// One heading, sentence or paragraph. What they say is escaped as a whole where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    // The head.
    Archive,
    Plan,
    Generation { number: u64, channel: String, target: Option<String> },
    Carries { operators: usize, releases: usize, images: usize, bytes: u64 },
    Language,
    Chapters,

    // Facts.
    Carry,
    Volumes { count: usize },
    NewImages,
    ThereAlready,
    Download,
    Growth,
    GrowthEach,
    Made,
    Expires,
    Platforms,
    AllPlatforms,

    // To read aloud.
    Aloud,
    AloudWhy,
    ArchiveDigest,
    PlanDigest,
    Unsigned,

    // What changes.
    Changes,
    What,
    From,
    To,
    Steps,
    Reason,
    NotKnown,
    Offers { count: usize },
    Stays,
    Because { required_by: Vec<String> },
    Hops { count: usize },
    Updates { count: usize },
    UpdateChannel { name: String },
    Arrives,
    Order,
    OrderWhy,
    OrderBecause(Why),

    // The ways.
    Ways,
    WaysWhy,
    OpenShiftWay,
    NoWay,
    NotDrawn { entries: usize },
    Explained(Key, Drawing),
    Noted(Note),
    Number,
    InChannel,
    AllowedBy,
    Allows(HopEdge),
    Change,
    Kubernetes,
    Risks,
    Changed(ReleaseChange, Option<EusStep>),
    NoRisk,
    Accepted,
    NotAccepted,
    Gates,

    // Images.
    Images,
    ImagesSaid { new: usize, there: usize, bytes: u64 },
    Treemap,
    AddNothing { count: usize },
    Prerequisites { count: usize, bytes: u64 },
    Release { version: String },
    Catalogs,
    GraphData,
    Additional,
    Others,
    Counted { count: usize, bytes: u64 },
    Opened,
    Image,
    Size,
    Adds,
    Status,
    IsNew,
    IsShared,
    IsThere,

    // Findings.
    Findings,
    NoFindings,
    Weight(Severity),
    Remedy,

    // Signatures and volumes.
    Seal,
    NotSigned,
    SignedBy { count: usize },
    Key,
    ReleaseSignatures,
    SignedAt,
    OneFile,
    InVolumes { count: usize },
    File,
    Bytes,
    Sums { file: String },

    // What the import will do.
    Import,
    ImportWhy,
    CheckFiles,
    CheckFilesSays,
    Verify,
    VerifySays,
    Run,
    RunSays { images: usize },
    RunCatalogs,
    Follow,
    FollowSays,
    NothingElse,

    // The end.
    Approval,
    ApprovedBy,
    CarriedBy,
    ReceivedBy,
    Name,
    Date,
    Signature,
    Beside,
    MadeBy { tool: String },
}

/// Of what a drawing is: the same stroke means other things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drawing {
    /// The channels of an operator.
    Channels,
    /// The releases of OpenShift.
    Releases,
}

/// The stroke of an update within a minor release.
pub(super) const PATCH: Stroke = Stroke::Solid;
/// The stroke of an update to the next one.
pub(super) const MINOR: Stroke = Stroke::Dashed;
