//! The interface as Rust sees it, made from `plugins/wit` by wasmtime. Frozen as 0.1.0: a later breaking
//! version gets a module of its own beside this one, with what converts between the two.

/// Connectors; and what all worlds share.
pub(crate) mod connector {
    wasmtime::component::bindgen!({
        path: "../../plugins/wit",
        world: "connector-plugin",
        imports: { default: async | trappable },
        exports: { default: async },
    });
}

/// Channels.
pub(crate) mod channel {
    wasmtime::component::bindgen!({
        path: "../../plugins/wit",
        world: "channel-plugin",
        imports: { default: async | trappable },
        exports: { default: async },
        with: { "sovereign:plugin": crate::engine::bindings::connector::sovereign::plugin },
    });
}

/// Rule operators.
pub(crate) mod rule {
    wasmtime::component::bindgen!({
        path: "../../plugins/wit",
        world: "rule-operator-plugin",
        imports: { default: async | trappable },
        exports: { default: async },
        with: { "sovereign:plugin": crate::engine::bindings::connector::sovereign::plugin },
    });
}

pub(crate) use connector::sovereign::plugin::{
    clock, hmac, http, log, secrets, state, types, webhooks,
};
