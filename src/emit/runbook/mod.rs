//! The runbook of this very upgrade, in three languages.

use std::collections::BTreeMap;

use crate::emit::files::Work;

pub(super) fn write(_work: &Work<'_>) -> BTreeMap<String, Vec<u8>> {
    BTreeMap::new()
}
