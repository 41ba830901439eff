//! Decisions of the policy, each with its audit entry.

use std::time::Instant;

use bench::samples::Samples;
use bench::table::{Goal, Table};
use contracts::access::{Caller, Policy as _, Purpose, Resource, SpaceId, actions};
use identity::events::PersonRegistered;
use policy::{PolicyService, PolicySettings};
use spine::testing::TestSpine;
use spine::{Cause, Roles, Runtime, Snowflake};

use crate::{Outcome, Size};

/// So many decisions are made before the audit log is waited for, as one request's would be.
const TOGETHER: usize = 50;
/// How many people the household has.
const PEOPLE: i64 = 6;

pub async fn measure(size: &Size, table: &mut Table) -> Outcome {
    table.heading("Policy: one decision, queued for the audit log");
    let test = TestSpine::start(&[("policy", &policy::MIGRATIONS)]).await?;
    let settings = PolicySettings { origin: "https://bench.example".to_owned(), kept_head: None };
    let service = PolicyService::open(test.spine.clone(), settings).await?;
    let running =
        policy::register(Runtime::new(test.spine.clone()), &service).start(Roles::ALL).await?;
    let mut tx = test.spine.begin(Cause::system()).await?;
    for number in 1..=PEOPLE {
        tx.record(&PersonRegistered {
            account: Snowflake(number),
            username: format!("person{number}"),
            role: if number == 1 { "owner" } else { "member" }.to_owned(),
            state: "active".to_owned(),
        })?;
    }
    tx.commit().await?;
    running.settle().await;

    let (mut permitted, mut refused, mut settled) =
        (Samples::default(), Samples::default(), Samples::default());
    for number in 0..size.repetitions {
        let person = Snowflake(i64::try_from(number)? % PEOPLE + 1);
        let own = Resource::new("entity", format!("entity-{number}"), SpaceId::of_person(person));
        let caller = match number % 3 {
            0 => Caller::person(person),
            1 => Caller::service("rules", Purpose::AUTOMATION).on_behalf_of(person),
            _ => Caller::person(Snowflake(person.0 % PEOPLE + 1)),
        };
        let started = Instant::now();
        let decision = service.decide(&caller, actions::ENTITY_READ, &own);
        let took = started.elapsed();
        if decision.allowed {
            permitted.push(took)
        } else {
            refused.push(took)
        }
        if number % TOGETHER == TOGETHER - 1 {
            let started = Instant::now();
            service.settled().await?;
            settled.push(started.elapsed());
        }
    }
    // Each for another purpose: nothing of it is remembered.
    let mut anew = Samples::default();
    for number in 0..size.repetitions.min(2_000) {
        let Some(purpose) = Purpose::parse(&format!("errand-{number}")) else { continue };
        let caller = Caller { purpose, ..Caller::person(Snowflake(1)) };
        let own = Resource::new("entity", "entity", SpaceId::of_person(Snowflake(1)));
        let started = Instant::now();
        service.decide(&caller, actions::ENTITY_READ, &own);
        anew.push(started.elapsed());
        if number % TOGETHER == TOGETHER - 1 {
            service.settled().await?;
        }
    }
    running.stop().await;
    for (what, samples) in
        [("permitted", &permitted), ("refused", &refused), ("never asked before", &anew)]
    {
        let p99 = samples.percentile(0.99).as_secs_f64() * 1_000.0;
        let micros = |share| samples.percentile(share).as_secs_f64() * 1e6;
        let told = format!("{:.1} / {:.1} us", micros(0.5), micros(0.99));
        table.line(&format!("{what}, p50 / p99"), &told, "", Some((Goal::AtMost(0.1), p99)));
    }
    table.line(
        &format!("{TOGETHER} entries on disk, p50 / p95 / p99"),
        &settled.summary(),
        "one commit",
        None,
    );
    Ok(())
}
