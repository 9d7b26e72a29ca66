//! Tests of the emit.
