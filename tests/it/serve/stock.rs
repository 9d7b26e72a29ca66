//! Stock clients: skopeo and umoci as Debian ships them.
