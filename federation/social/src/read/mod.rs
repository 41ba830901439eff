//! What clients read: Mastodon's entities, loaded in batches.
