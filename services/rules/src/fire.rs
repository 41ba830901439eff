//! Rules whose conditions hold: they wait (`for`), or act unless they have done so too often. What concerns many rules
//! of one event is one statement, however many they are.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use spine::Tx;
use uuid::Uuid;

use crate::actions::schedule_actions;
use crate::document::Mode;
use crate::engine::limits::{
    DEPTH, FIRINGS_PER_MINUTE, MESSAGES_PER_DAY, MESSAGES_PER_HOUR, MESSAGES_PER_MINUTE,
};
use crate::engine::{Evaluation, Held, Rule};
use crate::jobs::Recheck;
use crate::outcome::{Occasion, Outcome};
use crate::store::outcomes::{Recent, Turn};
use crate::{Rules, RulesError, store};

/// So many triggers of one rule wait at a time.
const WAITING: usize = 100;
/// A wait whose end was missed by so much was lost, and keeps no other from beginning.
const LOST: TimeDelta = TimeDelta::days(1);

/// A rule whose conditions hold.
pub(crate) struct Firing {
    pub(crate) rule: Arc<Rule>,
    pub(crate) held: Held,
    pub(crate) evaluation: Evaluation,
}

impl Rules {
    /// A rule whose conditions hold, and must go on holding for a time.
    pub(crate) async fn wait(
        &self,
        tx: &mut Tx,
        occasion: &Occasion<'_>,
        rule: &Arc<Rule>,
    ) -> Result<Outcome, RulesError> {
        let (identity, event) = (&rule.identity, occasion.event);
        let hold = rule.hold.and_then(|hold| TimeDelta::from_std(hold).ok()).unwrap_or_default();
        let mut waiting = store::waiting::ends(tx.conn(), identity.rule).await?;
        let lost = occasion.now - LOST;
        if waiting.last().is_some_and(|until| *until < lost) {
            store::waiting::end_lost(tx.conn(), identity.rule, lost, "its end was missed").await?;
            waiting.retain(|until| *until >= lost);
        }
        let mut begin = occasion.now;
        match (rule.mode, waiting.first()) {
            (Mode::Single, Some(_)) => {
                return Ok(Outcome::Refused("it waits already (mode single)".to_owned()));
            }
            (Mode::Restart, Some(_)) => {
                let why = "a newer event began the wait anew (mode restart)";
                store::waiting::end_all(tx.conn(), &[identity.rule], None, why).await?;
            }
            (Mode::Queued, Some(last)) => begin = begin.max(*last),
            _ => {}
        }
        if waiting.len() >= WAITING && rule.mode != Mode::Restart {
            return Ok(Outcome::Throttled(format!("{WAITING} of its triggers wait already")));
        }
        let until = begin + hold;
        store::waiting::insert(
            tx.conn(),
            identity.rule,
            identity.version,
            event.id.0,
            &event.subject,
            until,
        )
        .await?;
        tx.set_cause(occasion.cause(rule));
        let recheck = Recheck { rule: identity.rule, version: identity.version, event: event.id };
        let options =
            spine::JobOptions::because_of(event.id).part(identity.rule.to_string()).at(until);
        tx.schedule_with(&recheck, options)?;
        Ok(Outcome::Waiting)
    }

    /// Rules act, unless they have done so too often.
    pub(crate) async fn fire(
        &self,
        tx: &mut Tx,
        occasion: &Occasion<'_>,
        firing: Vec<Firing>,
    ) -> Result<Vec<(Arc<Rule>, Outcome, Evaluation)>, RulesError> {
        if firing.is_empty() {
            return Ok(Vec::new());
        }
        let (now, event) = (occasion.now, occasion.event.id.0);
        let depth = occasion.depth + 1;
        let ids: Vec<Uuid> = firing.iter().map(|one| one.rule.identity.rule).collect();
        let recent = store::outcomes::recent_firings(tx.conn(), &ids, now).await?;
        let recent: HashMap<Uuid, Recent> =
            recent.into_iter().map(|recent| (recent.rule_id, recent)).collect();
        let held_back = |one: &Firing| {
            if depth > DEPTH {
                return Some(Outcome::Failed(format!(
                    "{DEPTH} rules led to this event, one after the other: it looks like a loop, and ends here"
                )));
            }
            let recent = recent.get(&one.rule.identity.rule)?;
            too_often(one.rule.sends(), recent).map(Outcome::Throttled)
        };
        let (mut done, mut acting) = (Vec::with_capacity(firing.len()), Vec::new());
        for one in firing {
            match held_back(&one) {
                Some(outcome) => done.push((one.rule, outcome, one.evaluation)),
                None => acting.push(one),
            }
        }
        let turns: Vec<Turn> = acting.iter().filter_map(|one| turn(one, occasion)).collect();
        let taken: HashSet<Uuid> = match turns.is_empty() {
            true => HashSet::new(),
            false => {
                store::outcomes::take_turns(tx.conn(), &turns, now).await?.into_iter().collect()
            }
        };
        let (acting, early): (Vec<_>, Vec<_>) = acting.into_iter().partition(|one| {
            one.rule.throttle.is_none() || taken.contains(&one.rule.identity.rule)
        });
        done.extend(early.into_iter().map(|one| {
            let why = "it acted not long ago (throttle)".to_owned();
            (one.rule, Outcome::Throttled(why), one.evaluation)
        }));
        let ids: Vec<Uuid> = acting.iter().map(|one| one.rule.identity.rule).collect();
        store::outcomes::fired(tx.conn(), &ids, event, depth, now).await?;
        for Firing { rule, held, mut evaluation } in acting {
            tx.set_cause(occasion.cause(&rule));
            evaluation.trace.actions = schedule_actions(tx, occasion, &rule, held.actions)?;
            done.push((rule, Outcome::Fired, evaluation));
        }
        Ok(done)
    }
}

/// Why a rule that acted so often lately does not act again.
fn too_often(sends: bool, recent: &Recent) -> Option<String> {
    let limits: &[(i64, i64, &str)] = match sends {
        true => &[
            (recent.minute, MESSAGES_PER_MINUTE, "minute"),
            (recent.hour, MESSAGES_PER_HOUR, "hour"),
            (recent.day, MESSAGES_PER_DAY, "day"),
        ],
        false => &[(recent.minute, FIRINGS_PER_MINUTE, "minute")],
    };
    let beyond = limits.iter().find(|(times, most, _)| times >= most);
    beyond.map(|(_, most, time)| {
        let a = if *time == "hour" { "an" } else { "a" };
        format!("it acted {most} times within {a} {time}")
    })
}

/// The turn of its throttle that a rule takes, where it has one.
fn turn(one: &Firing, occasion: &Occasion<'_>) -> Option<Turn> {
    let throttle = one.rule.throttle.as_ref()?;
    let every = TimeDelta::from_std(throttle.every).unwrap_or_default();
    let rule = one.rule.identity.rule;
    // A key may be somebody's number: what is kept of it tells apart, and says nothing.
    let key = match one.held.throttle_key.as_str() {
        "" => String::new(),
        key => {
            let hash = Sha256::digest(format!("{rule}:{key}"));
            hash.iter().map(|byte| format!("{byte:02x}")).collect()
        }
    };
    Some(Turn { rule, key, last: occasion.now - every, until: occasion.now + every })
}
