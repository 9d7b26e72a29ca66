//! What a site is asked before anything comes in: each question with a site that answers it badly.

mod archive;
mod clinic;
mod machine;
mod nexus;
mod reach;
mod write;
