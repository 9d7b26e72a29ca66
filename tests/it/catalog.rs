//! Real file-based catalogs: what opm and oc-mirror say about them is what we say.

mod built;
mod bundles;
mod drawings;
mod images;
mod paths;
mod real;
mod render;
mod selections;
mod shared;
mod verdicts;
mod yaml;
