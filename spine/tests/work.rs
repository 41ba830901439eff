//! The work system on a real Postgres, with one process and with two.

mod work {
    mod support;

    mod batches;
    mod concurrency;
    mod retries;
    mod schedules;
    mod takeover;
    mod uniqueness;
}
