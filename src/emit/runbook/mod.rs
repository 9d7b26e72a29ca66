//! The runbook of this very upgrade: one model, told in three languages; the commands are the same in all of them.

use std::collections::BTreeMap;

use crate::emit::files::Work;

mod backward;
mod chinese;
mod english;
mod korean;
mod message;
mod model;
mod openshift;
mod operators;
mod port;
mod render;

pub(super) use backward::patches as patches_back;

pub(super) fn write(work: &Work<'_>) -> BTreeMap<String, Vec<u8>> {
    let runbook = model::runbook(work);
    let languages: [(&str, render::Language); 3] =
        [("RUNBOOK.md", english::say), ("RUNBOOK.ko.md", korean::say), ("RUNBOOK.zh.md", chinese::say)];
    let write = |(path, say): (&str, render::Language)| {
        (path.to_owned(), render::markdown(&runbook, say).into_bytes())
    };
    languages.into_iter().map(write).collect()
}
