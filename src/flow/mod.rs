//! The steps composed: what a command does from end to end, without terminal, clock or environment.

pub mod built;
pub mod catalog;
pub mod catalog_build;
pub mod catalog_image;
pub mod cosign;
pub mod doctor;
pub mod documents;
pub mod import;
pub mod media;
pub mod media_check;
pub mod mend;
pub mod pack;
pub mod papers;
pub mod plan;
pub mod protect;
pub mod record;
pub mod release;
pub mod release_closure;
pub mod release_image;
pub mod release_proof;
pub mod render;
pub mod rollback;
pub mod site_report;
pub mod standing;
pub mod vacuum;
pub mod verify;
mod writer;
