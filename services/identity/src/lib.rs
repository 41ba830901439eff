//! Who may log in: people, sessions, OAuth apps and tokens.
