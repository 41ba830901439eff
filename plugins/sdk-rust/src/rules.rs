//! Plugins that give operators to rules.

use serde_json::Value;

use crate::{Description, PluginError};

/// An operator that rules may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// Its name: small letters, digits and `_`.
    pub name: &'static str,
    /// JSON Schema of what it takes.
    pub args_schema: Value,
    /// JSON Schema of what it gives.
    pub result_schema: Value,
}

/// A plugin that gives operators to rules. Exported by
/// [`export_rule_operators!`](crate::export_rule_operators).
///
/// Pure: the same arguments give the same result, whenever and wherever. Nothing is lent to it but
/// the log, and an instance is used for many calls, so it keeps nothing between them.
pub trait RuleOperators {
    /// What it is.
    fn describe() -> Description;

    /// Its operators.
    fn operators() -> Vec<Operator>;

    /// Calls one.
    ///
    /// # Errors
    /// [`PluginError::Rejected`] where there is no such operator, or the arguments are wrong.
    fn evaluate(operator: &str, args: &Value) -> Result<Value, PluginError>;
}

/// Exports a type that implements [`RuleOperators`] as this crate's component.
#[macro_export]
macro_rules! export_rule_operators {
    ($plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Exported = $crate::exported::ExportedRuleOperators<$plugin>;
            $crate::bindings::meta::export_meta_bindings!(
                Exported with_types_in $crate::bindings::meta
            );
            $crate::bindings::rule_operator::export_rule_operator_bindings!(
                Exported with_types_in $crate::bindings::rule_operator
            );
        };
    };
}
