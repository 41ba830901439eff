//! The events by which services tell each other what happened: plain structs, only ever added to.
//!
//! A file a publisher. Identity and the social service publish their own from their own crates.

/// Declares what the ledger must know of an event type: its stable name, its publisher, its subject,
/// and under whose key its payload is sealed.
macro_rules! event {
    ($name:ident, $kind:literal, $source:literal, |$event:ident| $subject:expr, sealed: $sealed:expr $(, keep: $keep:expr)?) => {
        impl spine::EventData for $name {
            const TYPE: &'static str = $kind;
            const SOURCE: &'static str = $source;
            $(const RETENTION: spine::Retention = $keep;)?

            fn subject(&self) -> String {
                let $event = self;
                $subject
            }

            fn sealed_under(&self) -> Option<String> {
                $sealed.then(|| spine::EventData::subject(self))
            }
        }
    };
}

pub mod communication;
pub mod connectors;
pub mod data;
pub mod devices;
pub mod etl;
pub mod plugins;
pub mod policy;
pub mod present;
pub mod rules;

/// Every event type of the platform, for schemas and documents.
pub fn register(registry: &mut spine::event::Registry) {
    communication::register(registry);
    connectors::register(registry);
    data::register(registry);
    devices::register(registry);
    etl::register(registry);
    plugins::register(registry);
    policy::register(registry);
    present::register(registry);
    rules::register(registry);
}
