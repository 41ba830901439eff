//! The ledger, sealing and the event bus, on a real Postgres and a real NATS.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod events {
    mod support;

    mod bus_contract;
    mod erasure;
    mod jetstream;
    mod ledger;
    mod live;
    mod outages;
}
