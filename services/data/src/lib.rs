//! The knowledge graph: entities and edges with both times, provenance and aliases.
