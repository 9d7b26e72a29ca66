//! An OCI registry over a folder.
