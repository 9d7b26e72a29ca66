//! Files: atomic writes, locks, the pack's part file, the import's journal.
