//! OLM file-based catalogs: loading, the model, the upgrade graph.

pub mod evidence;
pub mod model;
