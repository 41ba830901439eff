//! End to end: whole nodes, independent peers, real clients.
