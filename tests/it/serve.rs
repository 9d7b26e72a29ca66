//! Tests of the serve.
