//! The steps composed: plan, pack, import.
