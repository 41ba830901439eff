//! Accounts, posts, timelines, notifications, relationships and media, and their federation.
