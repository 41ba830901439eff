//! Sealing: personal payloads are readable only while their subject's key exists.
