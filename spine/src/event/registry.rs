//! The contracts between services: every event type with the JSON Schema of its payload.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{EventData, Retention};

/// One event type as others see it.
#[derive(Clone, Debug)]
pub struct Contract {
    /// Its stable name.
    pub kind: &'static str,
    /// The service that publishes it.
    pub source: &'static str,
    /// How long its payload can be read.
    pub retention: Retention,
    /// The JSON Schema (draft 2020-12) of its payload.
    pub schema: Value,
}

/// Collects the event types of all services: schemas and documents are made from it, and a test
/// compares it with the schemas that were published before ([`super::breaks`]).
#[derive(Clone, Debug, Default)]
pub struct Registry {
    contracts: BTreeMap<&'static str, Contract>,
}

impl Registry {
    /// A registry with the spine's own event types.
    pub fn new() -> Self {
        let mut registry = Self::default();
        registry.register::<super::SubjectErased>();
        registry
    }

    /// Adds a type.
    ///
    /// # Panics
    /// Another type was registered under the same name: a mistake in the program.
    pub fn register<E: EventData>(&mut self) -> &mut Self {
        let contract = Contract {
            kind: E::TYPE,
            source: E::SOURCE,
            retention: E::RETENTION,
            schema: schemars::schema_for!(E).to_value(),
        };
        if let Some(known) = self.contracts.insert(E::TYPE, contract) {
            assert!(
                known.schema == self.contracts[E::TYPE].schema,
                "two event types are called {}",
                E::TYPE
            );
        }
        self
    }

    /// All types, by name.
    pub fn contracts(&self) -> impl Iterator<Item = &Contract> {
        self.contracts.values()
    }

    /// One type.
    pub fn get(&self, kind: &str) -> Option<&Contract> {
        self.contracts.get(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registered_type_has_a_schema() {
        let registry = Registry::new();
        let contract = registry.get("spine.SubjectErased.v1").unwrap();
        assert_eq!(contract.schema["properties"]["subject"]["type"], "string");
        assert_eq!(registry.contracts().count(), 1);
    }
}
