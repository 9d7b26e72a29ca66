//! What was promoted as files to apply and to read.
