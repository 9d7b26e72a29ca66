//! Inventories that a trusted key signed and that are wrong all the same (T19, T22, T23).
