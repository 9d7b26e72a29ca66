//! The production catalog and a delta made one, or the conflicts named.
