//! What was staged pushed to production, and the one commit of each catalog.
