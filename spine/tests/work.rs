//! The work system on a real Postgres, with one process and with two.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod work {
    mod support;

    mod batches;
    mod concurrency;
    mod erasure;
    mod losses;
    mod memory;
    mod retries;
    mod schedules;
    mod shortages;
    mod takeover;
    mod uniqueness;
}
