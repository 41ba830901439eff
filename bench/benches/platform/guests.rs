//! A call of a plugin beside its floor: the same guest in bare wasmtime.

use std::time::{Duration, Instant};

use bench::samples::Samples;
use bench::table::Table;
use plugins::bench_support::Bare;
use plugins::harness::{Setting, Trial};
use plugins::manifest::World;
use serde_json::{Value, json};
use spine::Clock;

use crate::{Outcome, Size};

/// A rule operator that takes a text, and what it is called with.
const OPERATOR: &str = "contains_any";

pub async fn measure(size: &Size, table: &mut Table) -> Outcome {
    let Ok(folder) = std::env::var("SOVEREIGN_TEST_PLUGINS") else {
        println!("SOVEREIGN_TEST_PLUGINS is not set: plugins are left out");
        return Ok(());
    };
    table.heading("Plugins: a call through the host, beside the same guest in bare wasmtime");
    connector(&std::fs::read(format!("{folder}/rss.wasm"))?, size, table).await?;
    operator(&std::fs::read(format!("{folder}/text-operators.wasm"))?, size, table).await
}

/// A sync that needs no network: a configuration that the guest refuses. What is measured is the border.
async fn connector(wasm: &[u8], size: &Size, table: &mut Table) -> Outcome {
    let config = json!({ "url": "" });
    let bare = Bare::new(wasm, World::Connector)?;
    let setting = Setting { config: config.clone(), ..Setting::default() };
    let trial = Trial::new(wasm.to_vec(), setting, Clock::system()).await?;
    let (mut floor, mut ours) = (Samples::default(), Samples::default());
    for _ in 0..size.repetitions {
        let started = Instant::now();
        // It says that it cannot, which costs the same border.
        drop(bare.sync(&config, None).await);
        floor.push(started.elapsed());
        let started = Instant::now();
        drop(trial.sync(None).await);
        ours.push(started.elapsed());
    }
    line("connector, fresh instance (Rust)", &ours, &floor, table);
    Ok(())
}

/// A rule operator, kept warm.
async fn operator(wasm: &[u8], size: &Size, table: &mut Table) -> Outcome {
    let args = args();
    let bare = Bare::new(wasm, World::RuleOperator)?;
    let mut instance = bare.operator().await?;
    let text = args.to_string();
    let trial = Trial::new(wasm.to_vec(), Setting::default(), Clock::system()).await?;
    let (mut floor, mut ours) = (Samples::default(), Samples::default());
    for _ in 0..size.repetitions {
        let started = Instant::now();
        instance.evaluate(OPERATOR, &text).await?;
        floor.push(started.elapsed());
        let started = Instant::now();
        let answer = trial.evaluate_warm(OPERATOR, args.clone()).await;
        ours.push(started.elapsed());
        answer??;
    }
    line("rule operator, warm instance (TypeScript)", &ours, &floor, table);
    Ok(())
}

fn args() -> Value {
    json!({ "text": "Your parcel is on its way", "words": ["parcel", "delivery"] })
}

fn line(what: &str, ours: &Samples, floor: &Samples, table: &mut Table) {
    let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
    let told = |samples: &Samples| {
        format!(
            "{:.0} / {:.0} us",
            micros(samples.percentile(0.5)),
            micros(samples.percentile(0.99))
        )
    };
    let over = micros(ours.percentile(0.5)) - micros(floor.percentile(0.5));
    table.line(
        &format!("{what}, p50 / p99"),
        &told(ours),
        &format!("bare {}; {over:.0} us more", told(floor)),
        None,
    );
}
