//! Channels, conversations, messages and calls.
