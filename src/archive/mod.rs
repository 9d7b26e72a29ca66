//! The .ombundle format: inventory, writer, strict reader (`schema/archive-v1.md`).
