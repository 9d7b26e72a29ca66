//! The distribution API: the only room with the network.
