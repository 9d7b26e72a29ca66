//! Keys, signatures and thresholds, by table.
