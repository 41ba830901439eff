//! The clock that ends guests: every 10 ms, while any guest runs, it moves the engine's epoch.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a tick is.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// After so many ticks without a call the thread sleeps until the next one: an idle node is woken by
/// nothing.
const IDLE_TICKS: u32 = 100;

/// Ticks while calls run.
pub(crate) struct Ticker(Arc<Shared>);

#[derive(Default)]
struct Shared {
    running: AtomicUsize,
    started: AtomicU64,
    asleep: AtomicBool,
    closed: AtomicBool,
    bed: Mutex<()>,
    wake: Condvar,
}

/// A call that runs.
pub(crate) struct Ticking<'a>(&'a Shared);

impl Ticker {
    pub(crate) fn start(engine: &wasmtime::Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (engine, of_thread) = (engine.weak(), Arc::clone(&shared));
        std::thread::Builder::new().name("plugin-epoch".to_owned()).spawn(move || {
            let mut idle = 0;
            let mut seen = 0;
            while !of_thread.closed.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
                let started = of_thread.started.load(Ordering::Relaxed);
                let busy = started != seen || of_thread.running.load(Ordering::Relaxed) > 0;
                seen = started;
                idle = if busy { 0 } else { idle + 1 };
                if idle >= IDLE_TICKS {
                    of_thread.sleep();
                    idle = 0;
                }
            }
        })?;
        Ok(Self(shared))
    }

    /// Ticks as long as the answer lives.
    pub(crate) fn call(&self) -> Ticking<'_> {
        let shared = &*self.0;
        shared.started.fetch_add(1, Ordering::Relaxed);
        // Counted before `asleep` is read, as the thread sets `asleep` before it reads the count: one
        // of the two sees the other.
        shared.running.fetch_add(1, Ordering::SeqCst);
        if shared.asleep.load(Ordering::SeqCst) {
            shared.rouse();
        }
        Ticking(shared)
    }
}

impl Shared {
    fn sleep(&self) {
        let mut bed = self.bed.lock().unwrap_or_else(PoisonError::into_inner);
        self.asleep.store(true, Ordering::SeqCst);
        while self.running.load(Ordering::SeqCst) == 0 && !self.closed.load(Ordering::SeqCst) {
            bed = self.wake.wait(bed).unwrap_or_else(PoisonError::into_inner);
        }
        self.asleep.store(false, Ordering::SeqCst);
    }

    fn rouse(&self) {
        let _bed = self.bed.lock().unwrap_or_else(PoisonError::into_inner);
        self.wake.notify_all();
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::SeqCst);
        self.0.rouse();
    }
}
