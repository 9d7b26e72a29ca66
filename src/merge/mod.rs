//! Merges what an archive brings into the catalog that production serves.
//!
//! Putting two catalogs into one folder always fails when a package occurs in both, so a package that both sides have is merged
//! entry by entry (`union`), taken whole from the new side (`replace`), or the merge is refused with the conflict named; a package
//! that one side has is carried as it is.
//!
//! **Nothing that production offers is lost.** What arrives is a part of a catalog: the versions that were asked for, not all
//! that upstream has. So union comes first, and the new side's package takes the place of the old one only where it has every
//! channel, entry and bundle of it, or where a person said so for this package ([`Mode::Replace`]). Between indexes of different
//! OpenShift minors a union that needs no bridging is taken with a warning, and one that does is refused: bridging two branches
//! withholds the versions in between (CNV 4.17.5 to 4.17.21 is the real case). A package is never split off by itself; where a
//! person said so, [`Division`] makes two merges of one, and each package is offered by one of the two catalogs.
//!
//! [`MergedCatalog`] is a fact: every channel can be served under both rules of walking, and nothing of production is missing
//! except where a decision said so. It is made nowhere else.

mod account;
mod blob;
mod bundle;
mod channel;
mod dependencies;
mod deprecations;
mod division;
mod options;
mod outcome;
mod package;
mod paths;
mod report;
#[cfg(test)]
mod tests;
mod whole;

pub use account::{MergeAccount, Side, TakenPackage};
pub use division::{Division, Pair, Part, Share};
pub use options::{Alias, Bridge, InvalidOption, MergeOptions, Minors, Mode, OnBundleImage};
pub use outcome::{MergeOutcome, MergeRefused, MergedCatalog};
pub use report::{ChosenMode, MergeReport, MergeStep, PackageReport, StepKind};
pub use whole::merge;
