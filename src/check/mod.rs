//! Whether production can serve all that it offers.
