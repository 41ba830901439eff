//! The interface as wit-bindgen makes it: what a node lends, and each interface that a plugin gives,
//! in a world of its own. A component has the sum of the worlds that it names, without the imports
//! that it does not use; so it is one of the worlds of `sovereign:plugin`.

pub mod host {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package sovereign:sdk;

            world host {
                import sovereign:plugin/types@0.1.0;
                import sovereign:plugin/webhooks@0.1.0;
                import sovereign:plugin/log@0.1.0;
                import sovereign:plugin/clock@0.1.0;
                import sovereign:plugin/state@0.1.0;
                import sovereign:plugin/secrets@0.1.0;
                import sovereign:plugin/hmac@0.1.0;
                import sovereign:plugin/http@0.1.0;
            }
        ",
        world: "sovereign:sdk/host",
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq, Eq],
    });
}

pub mod meta {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package sovereign:sdk;

            world meta {
                export sovereign:plugin/meta@0.1.0;
            }
        ",
        world: "sovereign:sdk/meta",
        pub_export_macro: true,
        export_macro_name: "export_meta_bindings",
        default_bindings_module: "sovereign_plugin::bindings::meta",
        additional_derives: [PartialEq, Eq],
        with: {
            "sovereign:plugin/types@0.1.0": crate::bindings::host::sovereign::plugin::types,
            "sovereign:plugin/meta@0.1.0": generate,
        },
    });
}

pub mod connector {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package sovereign:sdk;

            world connector {
                export sovereign:plugin/connector@0.1.0;
            }
        ",
        world: "sovereign:sdk/connector",
        pub_export_macro: true,
        export_macro_name: "export_connector_bindings",
        default_bindings_module: "sovereign_plugin::bindings::connector",
        additional_derives: [PartialEq, Eq],
        with: {
            "sovereign:plugin/types@0.1.0": crate::bindings::host::sovereign::plugin::types,
            "sovereign:plugin/webhooks@0.1.0": crate::bindings::host::sovereign::plugin::webhooks,
            "sovereign:plugin/connector@0.1.0": generate,
        },
    });
}

pub mod channel {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package sovereign:sdk;

            world channel {
                export sovereign:plugin/channel@0.1.0;
            }
        ",
        world: "sovereign:sdk/channel",
        pub_export_macro: true,
        export_macro_name: "export_channel_bindings",
        default_bindings_module: "sovereign_plugin::bindings::channel",
        additional_derives: [PartialEq, Eq],
        with: {
            "sovereign:plugin/types@0.1.0": crate::bindings::host::sovereign::plugin::types,
            "sovereign:plugin/webhooks@0.1.0": crate::bindings::host::sovereign::plugin::webhooks,
            "sovereign:plugin/channel@0.1.0": generate,
        },
    });
}

pub mod rule_operator {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package sovereign:sdk;

            world rule-operator {
                export sovereign:plugin/rule-operator@0.1.0;
            }
        ",
        world: "sovereign:sdk/rule-operator",
        pub_export_macro: true,
        export_macro_name: "export_rule_operator_bindings",
        default_bindings_module: "sovereign_plugin::bindings::rule_operator",
        additional_derives: [PartialEq, Eq],
        with: {
            "sovereign:plugin/types@0.1.0": crate::bindings::host::sovereign::plugin::types,
            "sovereign:plugin/rule-operator@0.1.0": generate,
        },
    });
}
