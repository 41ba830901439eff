//! The plugin manager: sandboxed WebAssembly components, their life cycle and their limits.
