//! Files that are no archives of ours (T16, T17).
