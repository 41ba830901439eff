//! Makes the call in the guest, and turns what comes back into the words of the contracts.

mod accept;
mod channel;
mod connector;

use contracts::plugins::{HookRequest, OperatorInfo, PluginFailure};
use serde_json::Value;
use wasmtime::Store;

use super::bindings::{rule, types, webhooks};
use super::{Answer, Bounds, Call, Description, Linked};
use crate::host::Guest;
use accept::Scale;

/// The guest answered what no plugin may answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unacceptable(pub(crate) String);

/// Calls a fresh instance.
pub(super) async fn perform(
    world: &Linked,
    store: &mut Store<Guest>,
    bounds: &Bounds,
    call: Call,
) -> wasmtime::Result<Answer> {
    match world {
        Linked::Connector(linked) => {
            let instance = linked.instantiate_async(&mut *store).await?;
            connector::perform(&instance, store, bounds, call).await
        }
        Linked::Channel(linked) => {
            let instance = linked.instantiate_async(&mut *store).await?;
            channel::perform(&instance, store, bounds, call).await
        }
        Linked::RuleOperator(linked) => {
            let instance = linked.instantiate_async(&mut *store).await?;
            operators(&instance, store, bounds, call).await
        }
    }
}

async fn operators(
    instance: &rule::RuleOperatorPlugin,
    store: &mut Store<Guest>,
    bounds: &Bounds,
    call: Call,
) -> wasmtime::Result<Answer> {
    match call {
        Call::Describe => {
            let told = instance.sovereign_plugin_meta().call_describe(store).await?;
            description(bounds, &told.config_schema, told.kinds)
        }
        Call::Operators => {
            let told = instance.sovereign_plugin_rule_operator().call_operators(store).await?;
            let mut scale = Scale::new(bounds);
            if told.len() > 100 {
                return refused("it has more than 100 operators");
            }
            let mut operators = Vec::with_capacity(told.len());
            for operator in told {
                let name = scale.text("the name of an operator", operator.name, 60)?;
                if !is_operator(&name) {
                    return refused(format!(
                        "the operator {name:?} is not of the form [a-z][a-z0-9_]*"
                    ));
                }
                operators.push(OperatorInfo {
                    plugin: bounds.plugin.to_string(),
                    name,
                    args_schema: scale.json("args-schema", &operator.args_schema)?,
                    result_schema: scale.json("result-schema", &operator.result_schema)?,
                });
            }
            Ok(Answer::Operators(operators))
        }
        Call::Evaluate { operator, args } => {
            let operators = instance.sovereign_plugin_rule_operator();
            let answer = operators.call_evaluate(store, &operator, &args).await?;
            value(bounds, answer)
        }
        other => not_of_this_world(&other),
    }
}

fn not_of_this_world(call: &Call) -> wasmtime::Result<Answer> {
    refused(format!("plugins of its world have no {}", call.name()))
}

fn is_operator(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// What an evaluation gave.
pub(super) fn value(
    bounds: &Bounds,
    answer: Result<String, types::PluginError>,
) -> wasmtime::Result<Answer> {
    let value = match answer {
        Ok(text) => Ok(Scale::new(bounds).json("the result", &text)?),
        Err(error) => Err(failure(error)),
    };
    Ok(Answer::Value(value))
}

fn description(bounds: &Bounds, schema: &str, kinds: Vec<String>) -> wasmtime::Result<Answer> {
    let mut scale = Scale::new(bounds);
    let config_schema = scale.json("config-schema", schema)?;
    if kinds.len() > 100 {
        return refused("it declares more than 100 kinds");
    }
    for kind in &kinds {
        accept::kind(kind)?;
    }
    Ok(Answer::Description(Description { config_schema, kinds }))
}

fn refused<T>(text: impl Into<String>) -> wasmtime::Result<T> {
    Err(Unacceptable(text.into()).into())
}

/// A failure in the guest's own words.
fn failure(error: types::PluginError) -> PluginFailure {
    match error {
        types::PluginError::Retry(retry) => PluginFailure::Retry {
            after: retry.seconds.map(|seconds| std::time::Duration::from_secs(seconds.into())),
            reason: retry.reason,
        },
        types::PluginError::Unauthorized(text) => PluginFailure::Unauthorized(text),
        types::PluginError::BadConfig(text) => PluginFailure::BadConfig(text),
        types::PluginError::CursorExpired => PluginFailure::CursorExpired,
        types::PluginError::Rejected(text) => PluginFailure::Rejected(text),
        types::PluginError::Failed(text) => PluginFailure::Failed(text),
    }
}

fn hook_request(request: HookRequest) -> webhooks::WebhookRequest {
    webhooks::WebhookRequest {
        method: request.method,
        path_and_query: request.path_and_query,
        headers: request.headers,
        body: request.body,
        url: request.url,
    }
}

fn config(config: &Value) -> String {
    if config.is_null() { "{}".to_owned() } else { config.to_string() }
}
