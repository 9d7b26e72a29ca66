//! Keys, signatures and thresholds: what makes an archive trusted.
