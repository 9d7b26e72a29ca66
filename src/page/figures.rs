//! The graph of each operator as it is drawn in the page, in a page that stays small enough to be sent and printed.

use super::words::tongues;
use crate::catalog::{Package, UpgradePath};
use crate::draw::{self, Key, View};
use crate::plan::{PlannedPackage, installed_of};
use crate::site::InstalledOperator;

/// Entries that one drawing may have: more do not fit on paper.
const ENTRIES: usize = 120;

/// Entries that are drawn as they are; of a larger graph only the channels of the way.
const ALL: usize = 24;

/// Entries of all drawings of a page together. One takes about 700 bytes.
const PAGE: usize = 1_200;

/// What is shown of an operator's graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Figure {
    /// A drawing, and what its legend must explain.
    Drawn { svg: String, keys: Vec<Key> },
    /// It would have so many entries.
    TooLarge { entries: usize },
    /// There is no graph.
    Nothing,
}

/// What may still be drawn.
#[derive(Debug)]
pub(super) struct Figures {
    left: usize,
}

impl Default for Figures {
    fn default() -> Self {
        Self { left: PAGE }
    }
}

impl Figures {
    /// Draws a package with the way that is planned for it.
    pub(super) fn of(&mut self, package: &Package, planned: &PlannedPackage) -> Figure {
        let path = path(planned);
        let reached = planned.hops.last().map(|hop| hop.name.as_str());
        let running: Vec<_> = planned.installed.iter().map(|name| InstalledOperator::named(name)).collect();
        let (starts, _) = installed_of(package, &running);
        let start = starts.first().map(|installed| &installed.start);
        let channel = path.as_ref().map_or(&package.default_channel, |path| &path.channel);
        let whole = View { start, target: reached, path: path.as_ref(), channel: None };
        let narrow = View { channel: Some(channel), ..whole };
        let graph = draw::package(package, whole);
        let graph = if graph.nodes.len() <= ALL { graph } else { draw::package(package, narrow) };
        let entries = graph.nodes.len();
        if entries == 0 {
            return Figure::Nothing;
        }
        if entries > ENTRIES.min(self.left) {
            return Figure::TooLarge { entries };
        }
        self.left -= entries;
        Figure::Drawn { svg: draw::figure(&graph, &tongues()), keys: graph.keys() }
    }
}

/// The planned hops as the way that a drawing shows; nothing where there are none.
fn path(planned: &PlannedPackage) -> Option<UpgradePath> {
    let (first, last) = (planned.hops.first()?, planned.hops.last()?);
    Some(UpgradePath {
        package: planned.name.clone(),
        channel: last.channel.clone(),
        from: first.from.clone(),
        to: last.version.clone(),
        hops: planned.hops.clone(),
        cut: false,
    })
}
