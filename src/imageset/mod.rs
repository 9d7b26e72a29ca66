//! The ImageSetConfiguration as written, and the request that it means.
