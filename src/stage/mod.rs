//! A verified archive pushed to the staging registry.
