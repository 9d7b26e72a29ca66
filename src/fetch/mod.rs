//! A plan carried out: blobs from the source registries into the archive.
