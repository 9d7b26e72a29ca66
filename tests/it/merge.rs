//! Merges of real catalogs: what production has is an older state of what arrives.

mod pairs;
