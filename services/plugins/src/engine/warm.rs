//! Instances of rule operators that wait for the next call: one costs half a microsecond to call, and a
//! hundred times that to make.

use std::sync::{Mutex, PoisonError};

use wasmtime::Store;

use super::bindings::rule::{RuleOperatorPlugin, RuleOperatorPluginPre};
use super::{Answer, Bounds, CallError, judge, perform, rewind, too_slow};
use crate::host::Guest;

/// After so many calls an instance goes: what it hoards goes with it.
const CALLS: u32 = 1_000;
/// So many wait at most; under more calls at once, fresh ones are made.
const WAITING: usize = 8;
/// And they hold no more than this together, in bytes: what waits is of no use to anybody else.
const HELD: usize = 64 << 20;

/// The waiting instances of a component.
#[derive(Default)]
pub(crate) struct WarmInstances(Mutex<Vec<WarmInstance>>);

struct WarmInstance {
    store: Store<Guest>,
    instance: RuleOperatorPlugin,
    calls: u32,
}

impl WarmInstance {
    /// How much memory it holds, in bytes.
    fn memory(&self) -> usize {
        self.store.data().limiter.used()
    }
}

impl WarmInstances {
    /// Evaluates in a waiting instance, or in a fresh one. One that traps, breaks a limit or answers
    /// what it may not is thrown away.
    pub(crate) async fn evaluate(
        &self,
        linked: &RuleOperatorPluginPre<Guest>,
        bounds: &Bounds,
        fresh: impl FnOnce() -> Store<Guest>,
        operator: &str,
        args: &String,
    ) -> Result<Answer, CallError> {
        let limits = &bounds.limits;
        let waiting = self.waiting().pop();
        let mut made = None;
        let work = async {
            let mut warm = match waiting {
                Some(warm) => warm,
                None => {
                    let mut store = fresh();
                    match linked.instantiate_async(&mut store).await {
                        Ok(instance) => WarmInstance { store, instance, calls: 0 },
                        Err(error) => return Err(judge(error, store.data(), limits)),
                    }
                }
            };
            rewind(&mut warm.store, limits);
            warm.calls += 1;
            let operators = warm.instance.sovereign_plugin_rule_operator();
            let answer = operators.call_evaluate(&mut warm.store, operator, args).await;
            let answer = answer.and_then(|answer| perform::value(bounds, answer));
            match answer {
                Ok(answer) => {
                    made = Some(warm);
                    Ok(answer)
                }
                Err(error) => Err(judge(error, warm.store.data(), limits)),
            }
        };
        let answer = match tokio::time::timeout(limits.deadline(), work).await {
            Ok(answer) => answer,
            Err(_elapsed) => return Err(too_slow(limits)),
        };
        if let Some(warm) = made.filter(|warm| warm.calls < CALLS) {
            let mut waiting = self.waiting();
            let held: usize = waiting.iter().chain([&warm]).map(WarmInstance::memory).sum();
            if waiting.len() < WAITING && held <= HELD {
                waiting.push(warm);
            }
        }
        answer
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<WarmInstance>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
