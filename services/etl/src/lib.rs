//! From raw records to the unified model: mappings, normalising, identity.
