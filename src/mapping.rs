//! Where each source repository lands in the site's registries; collisions are refused.
