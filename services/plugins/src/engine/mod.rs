//! Runs guests: compiles components, instantiates them and calls them within their limits.
//!
//! Compiled code is kept in memory only, bounded, and made anew once a process: what wasmtime writes for
//! disk can be loaded with `unsafe` code only, as whoever changes such a file runs in our process. It
//! costs, at a plugin's first call after a start, 0.03 s for Rust, 1.3 s for QuickJS and about 10 s for
//! Python (docs/plugins-manifest.md).

pub(crate) mod bindings;
mod call;
mod limiter;
mod perform;
mod ticker;
mod warm;

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::future::Cache;
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};
use wasmtime::{Config, OptLevel, Store, Trap, UpdateDeadline};

use crate::host::Guest;
use crate::manifest::{Limits, World};

pub(crate) use call::{Answer, Call, Context};
pub use call::{CallError, Description};
pub(crate) use limiter::Limiter;
pub(crate) use perform::Unacceptable;
pub(crate) use ticker::TICK;
use ticker::Ticker;
use warm::WarmInstances;

/// Compiled code that stays in memory, in bytes: a Python guest has 34 MB.
const COMPILED: u64 = 256 << 20;
/// What all guests that run may take of memory together, in MiB: more of them wait for their turn.
pub(crate) const MEMORY_MIB: u32 = 1_024;
/// How long a component that is to be installed may take to compile. The largest honest one takes ten seconds.
const COMPILING: Duration = Duration::from_secs(120);
/// What a guest with HTTP may hand to the host in one call of it: attachments on their way out.
const HANDED_OVER: usize = 32 << 20;

/// SHA-256 of a component.
pub type Digest = [u8; 32];

/// The digest of a component.
pub fn digest(wasm: &[u8]) -> Digest {
    Sha256::digest(wasm).into()
}

/// The engine could not be set up, or a component could not be compiled.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// The runtime or its thread did not start.
    #[error("the plugin runtime cannot be set up: {0}")]
    Setup(String),
    /// The component cannot be compiled or linked.
    #[error("the component cannot be used: {0}")]
    Component(String),
    /// Compiling ended before it was done.
    #[error("compiling was cut off")]
    CutOff,
    /// Another component is being compiled.
    #[error("another component is being compiled")]
    Busy,
}

/// Runs guests. One a process.
pub struct Engine {
    wasmtime: wasmtime::Engine,
    ticker: Ticker,
    /// One component is compiled at a time: it takes all cores.
    compiling: Arc<Semaphore>,
    /// And one that nobody knows yet: should its compiling never end, the installed ones do not wait for it.
    looking_through: Arc<Semaphore>,
    prepared: Cache<Digest, Arc<Prepared>>,
    memory: Semaphore,
}

/// A component that is compiled and linked.
pub(crate) struct Prepared {
    world: Linked,
    warm: WarmInstances,
    /// How large its code is.
    bytes: u32,
}

/// A component linked as its world.
enum Linked {
    Connector(bindings::connector::ConnectorPluginPre<Guest>),
    Channel(bindings::channel::ChannelPluginPre<Guest>),
    RuleOperator(bindings::rule::RuleOperatorPluginPre<Guest>),
}

/// What came of a call.
pub(crate) struct Outcome {
    pub(crate) result: Result<Answer, CallError>,
    /// How long it took.
    pub(crate) took: Duration,
    /// What the guest left behind: what it logged and asked for. A warm instance keeps it.
    pub(crate) guest: Option<Guest>,
}

/// What bounds one call, and what its answer is checked against.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    pub(crate) limits: Limits,
    /// The kinds of records that the plugin declared.
    pub(crate) kinds: Arc<[String]>,
    pub(crate) plugin: Arc<str>,
}

impl Engine {
    /// Sets the runtime up.
    ///
    /// # Errors
    /// This machine has no code generator, or no thread could be started.
    pub fn new() -> Result<Self, EngineError> {
        let setup = |error: wasmtime::Error| EngineError::Setup(format!("{error:#}"));
        let wasmtime = wasmtime::Engine::new(&Self::config()).map_err(setup)?;
        let ticker =
            Ticker::start(&wasmtime).map_err(|error| EngineError::Setup(error.to_string()))?;
        let prepared = Cache::builder()
            .weigher(|_, prepared: &Arc<Prepared>| prepared.bytes)
            .max_capacity(COMPILED)
            .build();
        Ok(Self {
            wasmtime,
            ticker,
            compiling: Arc::new(Semaphore::new(1)),
            looking_through: Arc::new(Semaphore::new(1)),
            prepared,
            memory: Semaphore::new(MEMORY_MIB as usize),
        })
    }

    fn config() -> Config {
        let mut config = Config::new();
        config
            .epoch_interruption(true)
            .cranelift_opt_level(OptLevel::Speed)
            .wasm_memory64(false)
            .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
        config
    }

    /// The component, compiled and linked: from memory, or now. `fetch` brings its bytes.
    pub(crate) async fn prepare<E>(
        &self,
        digest: Digest,
        world: World,
        fetch: impl Future<Output = Result<Vec<u8>, E>>,
    ) -> Result<Arc<Prepared>, Arc<E>>
    where
        E: From<EngineError> + Send + Sync + 'static,
    {
        let compile = async {
            let wasm = fetch.await?;
            let permit = Arc::clone(&self.compiling).acquire_owned().await;
            let permit = permit.map_err(|_closed| EngineError::CutOff)?;
            Ok::<_, E>(Arc::new(compiled(&self.wasmtime, permit, wasm, world).await?))
        };
        self.prepared.try_get_with(digest, compile).await
    }

    /// Compiles and links a component that is not installed yet, and keeps nothing of it.
    pub(crate) async fn compile(
        &self,
        wasm: Vec<u8>,
        world: World,
    ) -> Result<Prepared, EngineError> {
        let place = Arc::clone(&self.looking_through).acquire_owned();
        let permit = match tokio::time::timeout(COMPILING, place).await {
            Ok(permit) => permit.map_err(|_closed| EngineError::CutOff)?,
            Err(_elapsed) => return Err(EngineError::Busy),
        };
        let compiled = compiled(&self.wasmtime, permit, wasm, world);
        match tokio::time::timeout(COMPILING, compiled).await {
            Ok(compiled) => compiled,
            Err(_elapsed) => Err(EngineError::Component(format!(
                "it takes longer than {} s to compile",
                COMPILING.as_secs()
            ))),
        }
    }

    /// A place for a guest's memory among all that run.
    pub(crate) async fn room(
        &self,
        limits: &Limits,
    ) -> Result<tokio::sync::SemaphorePermit<'_>, EngineError> {
        let room = self.memory.acquire_many(limits.memory_mib.min(MEMORY_MIB)).await;
        room.map_err(|_closed| EngineError::CutOff)
    }

    /// Calls a guest within its limits: in a fresh instance, or, for evaluations, in a warm one.
    pub(crate) async fn call(
        &self,
        prepared: &Prepared,
        bounds: &Bounds,
        guest: impl FnOnce() -> Guest + Send,
        call: Call,
    ) -> Outcome {
        if let (Call::Evaluate { operator, args }, Linked::RuleOperator(linked)) =
            (&call, &prepared.world)
        {
            let began = Instant::now();
            let _ticking = self.ticker.call();
            let fresh = || self.store(guest(), &bounds.limits);
            let result = prepared.warm.evaluate(linked, bounds, fresh, operator, args).await;
            return Outcome { result, took: began.elapsed(), guest: None };
        }
        self.call_fresh(prepared, bounds, guest, call).await
    }

    /// Calls a guest within its limits, always in a fresh instance.
    pub(crate) async fn call_fresh(
        &self,
        prepared: &Prepared,
        bounds: &Bounds,
        guest: impl FnOnce() -> Guest + Send,
        call: Call,
    ) -> Outcome {
        let began = Instant::now();
        let _ticking = self.ticker.call();
        let mut store = self.store(guest(), &bounds.limits);
        let work = perform::perform(&prepared.world, &mut store, bounds, call);
        let result = match tokio::time::timeout(bounds.limits.deadline(), work).await {
            Ok(result) => result.map_err(|error| judge(error, store.data(), &bounds.limits)),
            // It waited for the node's own store: not the guest's fault.
            Err(_elapsed) if store.data().waits_for_us => {
                Err(CallError::Host("the store did not answer while a plugin waited for it".into()))
            }
            Err(_elapsed) => Err(too_slow(&bounds.limits)),
        };
        Outcome { result, took: began.elapsed(), guest: Some(store.into_data()) }
    }

    /// A store in which a guest gets no more than its limits.
    fn store(&self, guest: Guest, limits: &Limits) -> Store<Guest> {
        let has_http = guest.has_http();
        let mut store = Store::new(&self.wasmtime, guest);
        store.limiter(|guest| &mut guest.limiter);
        // What is lifted out of a guest is counted before it is allocated: a list may name the same
        // megabytes a thousand times.
        let answer = limits.output().saturating_mul(2) + 64 * 1_024;
        store.set_hostcall_fuel(if has_http { answer.max(HANDED_OVER) } else { answer });
        store.epoch_deadline_callback(|mut context| {
            let guest = context.data_mut();
            if guest.ticks_left == 0 {
                return Ok(UpdateDeadline::Interrupt);
            }
            guest.ticks_left -= 1;
            // Others get their turn every tick.
            Ok(UpdateDeadline::Yield(1))
        });
        rewind(&mut store, limits);
        store
    }
}

/// Before a call: its time begins now.
fn rewind(store: &mut Store<Guest>, limits: &Limits) {
    let guest = store.data_mut();
    guest.ticks_left = ticks(limits);
    guest.begins(limits.deadline());
    store.set_epoch_deadline(1);
}

/// How many ticks a guest may compute.
pub(crate) fn ticks(limits: &Limits) -> u64 {
    u64::from(limits.cpu_ms).div_ceil(TICK.as_millis() as u64)
}

/// Compiles on a thread of its own, which no shutdown waits for. Whoever waits may leave; the place is given
/// back when the thread is done.
async fn compiled(
    engine: &wasmtime::Engine,
    permit: OwnedSemaphorePermit,
    wasm: Vec<u8>,
    world: World,
) -> Result<Prepared, EngineError> {
    let (done, compiled) = oneshot::channel();
    let engine = engine.clone();
    let thread = std::thread::Builder::new().name("plugin-compile".to_owned());
    let thread = thread.spawn(move || {
        let prepared = Prepared::new(&engine, &wasm, world);
        drop(permit);
        // Nobody may wait any more.
        drop(done.send(prepared));
    });
    thread.map_err(|error| EngineError::Setup(error.to_string()))?;
    compiled.await.map_err(|_panicked| EngineError::CutOff)?
}

fn too_slow(limits: &Limits) -> CallError {
    CallError::Stopped(format!("it took longer than deadline_ms ({} ms)", limits.deadline_ms))
}

/// What a failure of a call means. Nothing of it comes from the guest's own words.
fn judge(error: wasmtime::Error, guest: &Guest, limits: &Limits) -> CallError {
    if let Some(broken) = error.downcast_ref::<perform::Unacceptable>() {
        return CallError::Stopped(broken.0.clone());
    }
    let error = match error.downcast::<crate::host::HostFailure>() {
        Ok(failure) => return CallError::Host(failure.0),
        Err(error) => error,
    };
    if let Some(limit) = guest.limiter.refused {
        return CallError::Stopped(format!("it broke the limit {limit}"));
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => {
            CallError::Stopped(format!("it computed longer than cpu_ms ({} ms)", limits.cpu_ms))
        }
        Some(trap) => CallError::Stopped(format!("it trapped: {trap}")),
        None => CallError::Stopped(plainly(&error.root_cause().to_string(), limits)),
    }
}

/// Errors of the runtime that have no type of their own, in the words of our limits.
fn plainly(reason: &str, limits: &Limits) -> String {
    if reason.contains("fuel") {
        return format!("it handed over far more than output_kib ({} KiB)", limits.output_kib);
    }
    reason.replace('\0', "\u{fffd}")
}

impl Prepared {
    fn new(engine: &wasmtime::Engine, wasm: &[u8], world: World) -> Result<Self, EngineError> {
        // The words of the component itself are in it, as long as it pleases.
        let unusable = |error: wasmtime::Error| {
            EngineError::Component(format!("{error:#}").chars().take(2_000).collect())
        };
        let component = Component::from_binary(engine, wasm).map_err(unusable)?;
        let linker = linker(engine, world).map_err(unusable)?;
        let pre: InstancePre<Guest> = linker.instantiate_pre(&component).map_err(unusable)?;
        let world = match world {
            World::Connector => Linked::Connector(
                bindings::connector::ConnectorPluginPre::new(pre).map_err(unusable)?,
            ),
            World::Channel => {
                Linked::Channel(bindings::channel::ChannelPluginPre::new(pre).map_err(unusable)?)
            }
            World::RuleOperator => Linked::RuleOperator(
                bindings::rule::RuleOperatorPluginPre::new(pre).map_err(unusable)?,
            ),
        };
        let code = component.image_range();
        let bytes = code.end.addr().saturating_sub(code.start.addr());
        Ok(Self {
            world,
            warm: WarmInstances::default(),
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
        })
    }
}

/// What a world's guests can import: nothing of WASI.
fn linker(engine: &wasmtime::Engine, world: World) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    match world {
        World::Connector => {
            bindings::connector::ConnectorPlugin::add_to_linker::<_, HasSelf<Guest>>(
                &mut linker,
                |guest| guest,
            )?
        }
        World::Channel => bindings::channel::ChannelPlugin::add_to_linker::<_, HasSelf<Guest>>(
            &mut linker,
            |guest| guest,
        )?,
        World::RuleOperator => bindings::rule::RuleOperatorPlugin::add_to_linker::<
            _,
            HasSelf<Guest>,
        >(&mut linker, |guest| guest)?,
    }
    Ok(linker)
}
