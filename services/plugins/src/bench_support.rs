//! What the bench compares: a call as the manager makes it, and the same guest in bare wasmtime, without
//! limits, epochs, checks or books.

use std::sync::Arc;

use serde_json::Value;
use spine::Clock;
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Store};

use crate::engine::EngineError;
use crate::engine::bindings::connector::exports::sovereign::plugin::connector;
use crate::engine::bindings::connector::{ConnectorPlugin, ConnectorPluginPre};
use crate::engine::bindings::rule::{RuleOperatorPlugin, RuleOperatorPluginPre};
use crate::host::log::{Log, LogBudget};
use crate::host::{Guest, Names};
use crate::manifest::{Limits, World};

/// A guest in bare wasmtime.
pub struct Bare {
    engine: wasmtime::Engine,
    world: BareWorld,
    clock: Clock,
}

enum BareWorld {
    Connector(ConnectorPluginPre<Guest>),
    RuleOperator(RuleOperatorPluginPre<Guest>),
}

/// A rule operator's instance that is kept between calls.
pub struct BareOperator {
    store: Store<Guest>,
    instance: RuleOperatorPlugin,
}

fn failed(error: wasmtime::Error) -> EngineError {
    EngineError::Component(format!("{error:#}"))
}

impl Bare {
    /// Compiles a connector or a rule operator.
    ///
    /// # Errors
    /// It cannot be compiled or linked.
    pub fn new(wasm: &[u8], world: World) -> Result<Self, EngineError> {
        let engine = wasmtime::Engine::new(&Config::new()).map_err(failed)?;
        let component = Component::from_binary(&engine, wasm).map_err(failed)?;
        let mut linker: Linker<Guest> = Linker::new(&engine);
        let world = match world {
            World::RuleOperator => {
                RuleOperatorPlugin::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)
                    .map_err(failed)?;
                let pre = linker.instantiate_pre(&component).map_err(failed)?;
                BareWorld::RuleOperator(RuleOperatorPluginPre::new(pre).map_err(failed)?)
            }
            World::Connector | World::Channel => {
                ConnectorPlugin::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)
                    .map_err(failed)?;
                let pre = linker.instantiate_pre(&component).map_err(failed)?;
                BareWorld::Connector(ConnectorPluginPre::new(pre).map_err(failed)?)
            }
        };
        Ok(Self { engine, world, clock: Clock::system() })
    }

    fn store(&self) -> Store<Guest> {
        let names = Names { plugin: "bare".into(), account: None };
        let log = Log::new(names, Arc::new(LogBudget::new(self.clock.clone())));
        let limits = Limits { memory_mib: 256, ..Limits::usual(World::Connector) };
        Store::new(&self.engine, Guest::bare(&limits, log, self.clock.clone()))
    }

    /// One page of a connector, in a fresh instance: how many records it has.
    ///
    /// # Errors
    /// It trapped, said that it could not, or is no connector.
    pub async fn sync(&self, config: &Value, cursor: Option<&[u8]>) -> Result<usize, EngineError> {
        let BareWorld::Connector(linked) = &self.world else {
            return Err(EngineError::Component("it is no connector".to_owned()));
        };
        let mut store = self.store();
        let instance = linked.instantiate_async(&mut store).await.map_err(failed)?;
        let context = connector::Context {
            account: uuid::Uuid::nil().to_string(),
            config: config.to_string(),
            hook_url: "https://node.example/hooks/".to_owned(),
        };
        let calls = instance.sovereign_plugin_connector();
        let batch = calls.call_sync(&mut store, &context, cursor).await.map_err(failed)?;
        batch
            .map(|batch| batch.records.len())
            .map_err(|error| EngineError::Component(format!("{error:?}")))
    }

    /// An instance of a rule operator.
    ///
    /// # Errors
    /// It trapped, or is no rule operator.
    pub async fn operator(&self) -> Result<BareOperator, EngineError> {
        let BareWorld::RuleOperator(linked) = &self.world else {
            return Err(EngineError::Component("it is no rule operator".to_owned()));
        };
        let mut store = self.store();
        let instance = linked.instantiate_async(&mut store).await.map_err(failed)?;
        Ok(BareOperator { store, instance })
    }
}

impl BareOperator {
    /// Evaluates an operator on JSON text: the result as JSON text.
    ///
    /// # Errors
    /// It trapped, or said that it could not.
    pub async fn evaluate(&mut self, operator: &str, args: &String) -> Result<String, EngineError> {
        let calls = self.instance.sovereign_plugin_rule_operator();
        let answer = calls.call_evaluate(&mut self.store, operator, args).await.map_err(failed)?;
        answer.map_err(|error| EngineError::Component(format!("{error:?}")))
    }
}
