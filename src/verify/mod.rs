//! An archive judged: signature, trust, target, floor, expiry, every byte.
