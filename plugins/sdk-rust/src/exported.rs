//! How a plugin's traits meet the interface. Used by the export macros.

use std::marker::PhantomData;
use std::panic;
use std::sync::Once;

use crate::bindings::{channel, connector, meta, rule_operator};
use crate::{
    Channel, Connector, Description, Host, Level, Node, PluginError, RuleOperators, WebhookRequest,
};

use channel::exports::sovereign::plugin::channel as channel_interface;
use connector::exports::sovereign::plugin::connector as connector_interface;
use meta::exports::sovereign::plugin::meta as meta_interface;
use rule_operator::exports::sovereign::plugin::rule_operator as rule_interface;

/// A connector as the interface sees it.
pub struct ExportedConnector<P>(PhantomData<P>);
/// A channel as the interface sees it.
pub struct ExportedChannel<P>(PhantomData<P>);
/// Rule operators as the interface sees them.
pub struct ExportedRuleOperators<P>(PhantomData<P>);

/// A panic ends the call; the node's log says where and why.
fn report_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| Node.log(Level::Error, &info.to_string())));
    });
}

fn describe(description: fn() -> Description) -> meta_interface::Description {
    report_panics();
    let Description { config_schema, kinds } = description();
    meta_interface::Description { config_schema: config_schema.to_string(), kinds }
}

impl<P: Connector> meta_interface::Guest for ExportedConnector<P> {
    fn describe() -> meta_interface::Description {
        describe(P::describe)
    }
}

impl<P: Connector> connector_interface::Guest for ExportedConnector<P> {
    fn sync(
        context: connector_interface::Context,
        cursor: Option<Vec<u8>>,
    ) -> Result<connector_interface::Batch, PluginError> {
        report_panics();
        P::sync(&Node, &context, cursor.as_deref())
    }

    fn webhook(
        context: connector_interface::Context,
        request: WebhookRequest,
    ) -> Result<connector_interface::WebhookResult, PluginError> {
        report_panics();
        P::webhook(&Node, &context, &request)
    }
}

impl<P: Channel> meta_interface::Guest for ExportedChannel<P> {
    fn describe() -> meta_interface::Description {
        describe(P::describe)
    }
}

impl<P: Channel> channel_interface::Guest for ExportedChannel<P> {
    fn send(
        context: channel_interface::Context,
        message: channel_interface::Message,
    ) -> Result<channel_interface::Receipt, PluginError> {
        report_panics();
        P::send(&Node, &context, &message)
    }

    fn inbound(
        context: channel_interface::Context,
        request: WebhookRequest,
    ) -> Result<channel_interface::InboundResult, PluginError> {
        report_panics();
        P::inbound(&Node, &context, &request)
    }
}

impl<P: RuleOperators> meta_interface::Guest for ExportedRuleOperators<P> {
    fn describe() -> meta_interface::Description {
        describe(P::describe)
    }
}

impl<P: RuleOperators> rule_interface::Guest for ExportedRuleOperators<P> {
    fn operators() -> Vec<rule_interface::OperatorInfo> {
        report_panics();
        P::operators()
            .into_iter()
            .map(|operator| rule_interface::OperatorInfo {
                name: operator.name.to_owned(),
                args_schema: operator.args_schema.to_string(),
                result_schema: operator.result_schema.to_string(),
            })
            .collect()
    }

    fn evaluate(operator: String, args: String) -> Result<String, PluginError> {
        report_panics();
        let args = serde_json::from_str(&args)
            .map_err(|error| PluginError::rejected(format!("the arguments: {error}")))?;
        P::evaluate(&operator, &args).map(|result| result.to_string())
    }
}
