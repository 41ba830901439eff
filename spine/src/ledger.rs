//! The event ledger: append-only, in Postgres, read in commit order without gaps.
