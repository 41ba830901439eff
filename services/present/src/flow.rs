//! How reports become states, and which changes are announced.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use contracts::events::present::StateChanged;
use serde_json::Value;
use spine::{Cause, Tx};
use uuid::Uuid;

use crate::PresentError;
use crate::call::Call;
use crate::place::Zone;
use crate::report::{Report, Seen};
use crate::service::Inner;
use crate::state::{
    CALL, Key, LOCATION, Reading, State, essence, labels_with, latest, matters, outline,
};
use crate::store::announced::{self, Announced};
use crate::store::{calls, states, zones};

impl Inner {
    /// Takes reports in, in their order.
    ///
    /// # Errors
    /// The store or Redis failed.
    pub(crate) async fn take(&self, tx: &mut Tx, reports: &[Report]) -> Result<(), PresentError> {
        if reports.is_empty() {
            return Ok(());
        }
        let now = self.spine.clock().now();
        let keys: Vec<Key> = reports
            .iter()
            .map(|report| report.key.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        // Locked before anything is read: what ends states waits until here.
        let announced = announced::locked(tx.conn(), &keys).await?;
        let known = self.known(tx, &keys).await?;
        let zones = self.zones(tx, reports).await?;
        let mut course = Course {
            expiry: self.expiry,
            now,
            zones,
            known: known.into_iter().map(|state| (state.key(), state)).collect(),
            announced,
            written: BTreeMap::new(),
            changes: HashMap::new(),
        };
        let mut events = Vec::new();
        for report in reports {
            if let Some(change) = course.take(report) {
                events.push((change, &report.cause));
            }
        }
        let states: Vec<State> = course.written.into_values().collect();
        let readings: Vec<Reading> =
            reports.iter().flat_map(|report| report.readings.iter().cloned()).collect();
        self.put(tx, &states, &readings).await?;
        announced::write(tx.conn(), &course.changes).await?;
        record(tx, &events)
    }

    /// The states of these keys, expired or not. Those that matter are in Postgres whatever else keeps
    /// states: what is decided about them must not depend on an attempt that was rolled back.
    pub(crate) async fn known(
        &self,
        tx: &mut Tx,
        keys: &[Key],
    ) -> Result<Vec<State>, PresentError> {
        if self.states.is_in_postgres() {
            return self.states.read(tx.conn(), keys).await;
        }
        let (mattering, others): (Vec<Key>, Vec<Key>) =
            keys.iter().cloned().partition(|key| matters(&key.facet));
        let mut known = states::read(tx.conn(), &mattering).await?;
        known.extend(self.states.read(tx.conn(), &others).await?);
        Ok(known)
    }

    /// Writes states and readings.
    async fn put(
        &self,
        tx: &mut Tx,
        states: &[State],
        readings: &[Reading],
    ) -> Result<(), PresentError> {
        let now = self.spine.clock().now();
        if !self.states.is_in_postgres() {
            let mattering: Vec<&State> =
                states.iter().filter(|state| matters(&state.facet)).collect();
            if !mattering.is_empty() {
                states::write(tx.conn(), now, &serde_json::to_value(mattering)?).await?;
            }
        }
        self.states.write(tx.conn(), now, states, readings).await
    }

    /// Removes states.
    pub(crate) async fn remove(&self, tx: &mut Tx, keys: &[Key]) -> Result<(), PresentError> {
        states::remove(tx.conn(), keys).await?;
        self.states.remove(keys).await
    }

    async fn zones(&self, tx: &mut Tx, reports: &[Report]) -> Result<Vec<Zone>, PresentError> {
        let located = reports.iter().filter(|report| report.key.facet == LOCATION);
        let spaces: BTreeSet<String> = located.map(|report| report.space.to_string()).collect();
        if spaces.is_empty() {
            return Ok(Vec::new());
        }
        let spaces: Vec<String> = spaces.into_iter().collect();
        Ok(zones::serving(tx.conn(), &spaces).await?)
    }

    /// A call ended or has another status: person and channel show their newest call, or none.
    ///
    /// # Errors
    /// The store or Redis failed.
    pub(crate) async fn show_newest_call(
        &self,
        tx: &mut Tx,
        changed: &Call,
        at: DateTime<Utc>,
        cause: &Cause,
    ) -> Result<(), PresentError> {
        let (of_owner, of_channel) =
            calls::newest(tx.conn(), changed.owner, changed.channel).await?;
        for (subject, newest) in [
            (format!("person:{}", changed.owner), of_owner),
            (format!("channel:{}", changed.channel), of_channel),
        ] {
            let key = Key { subject, facet: CALL.to_owned() };
            let shown = self.known(tx, std::slice::from_ref(&key)).await?;
            let announced = announced::locked(tx.conn(), std::slice::from_ref(&key)).await?;
            let is_it = |value: &Value| value["call"] == changed.call.to_string();
            let goes_on = newest.as_ref().is_some_and(|newest| newest.call == changed.call);
            if !goes_on && shown.first().is_some_and(|state| is_it(&state.value)) {
                self.remove(tx, std::slice::from_ref(&key)).await?;
            }
            if let Some(call) = newest {
                // It began before, and would be late otherwise.
                let mut report = call_report(&call, key.subject.clone(), cause);
                report.at = at;
                self.take(tx, &[report]).await?;
            } else if let Some(before) = announced.get(&key).filter(|before| is_it(&before.value)) {
                let changes = HashMap::from([(key.clone(), None)]);
                announced::write(tx.conn(), &changes).await?;
                let change = StateChanged {
                    subject: key.subject,
                    facet: key.facet,
                    space: before.space.clone(),
                    before: Some(before.value.clone()),
                    now: None,
                    since: at,
                    source: Some(before.source.clone()),
                };
                record(tx, &[(change, cause)])?;
            }
        }
        Ok(())
    }
}

/// Records changes, each because of its report.
pub(crate) fn record(tx: &mut Tx, changes: &[(StateChanged, &Cause)]) -> Result<(), PresentError> {
    let before = tx.cause().clone();
    for (change, cause) in changes {
        tx.set_cause((*cause).clone());
        tx.record(change)?;
    }
    tx.set_cause(before);
    Ok(())
}

/// A call as the report of a state of its person or channel.
pub(crate) fn call_report(call: &Call, subject: String, cause: &Cause) -> Report {
    let space = match subject.strip_prefix("person:") {
        Some(_) => contracts::access::SpaceId::of_person(call.owner),
        None => call.space.clone(),
    };
    Report {
        key: Key { subject, facet: CALL.to_owned() },
        space,
        source: call.source(),
        at: call.started_at,
        seen: Seen::Value(call.value.clone()),
        readings: Vec::new(),
        cause: cause.clone(),
    }
}

/// Both reports of a call.
pub(crate) fn call_reports(call: &Call, cause: &Cause) -> [Report; 2] {
    [
        call_report(call, format!("person:{}", call.owner), cause),
        call_report(call, format!("channel:{}", call.channel), cause),
    ]
}

/// What becomes of states while reports are taken in: decisions only.
struct Course {
    expiry: crate::Expiry,
    now: DateTime<Utc>,
    zones: Vec<Zone>,
    known: HashMap<Key, State>,
    announced: HashMap<Key, Announced>,
    written: BTreeMap<Key, State>,
    changes: HashMap<Key, Option<Announced>>,
}

impl Course {
    fn take(&mut self, report: &Report) -> Option<StateChanged> {
        let key = &report.key;
        let before = self.announced.get(key).cloned();
        let known = self.known.get(key);
        let newest = [known.map(|state| state.at), before.as_ref().map(|before| before.at)];
        let newest = newest.into_iter().flatten().filter(|at| *at <= latest(self.now)).max();
        if newest.is_some_and(|newest| newest > report.at) {
            // Late: it counts in windows, and says nothing of now.
            return None;
        }
        let known = known.filter(|state| state.holds(report.at));
        let current = match (&before, known) {
            (Some(before), _) => place_entity(&before.value),
            (None, Some(known)) => place_entity(&known.value),
            (None, None) => None,
        };
        let value = report.value(&self.zones, current);
        let what = essence(&key.facet, &value);
        let same = known.filter(|state| essence(&key.facet, &state.value) == what);
        let state = State {
            subject: key.subject.clone(),
            facet: key.facet.clone(),
            space: report.space.clone(),
            labels: labels_with(&key.facet, &value),
            value,
            at: report.at,
            since: same.map_or(report.at, |state| state.since.min(report.at)),
            expires_at: report.at + self.expiry.of(&key.facet),
            source: report.source.clone(),
        };
        self.known.insert(key.clone(), state.clone());
        self.written.insert(key.clone(), state.clone());
        let was = before.as_ref().and_then(|before| essence(&key.facet, &before.value));
        // What an offline device tells of yesterday is no news of today.
        if !matters(&key.facet) || was == what || !state.holds(self.now) {
            return None;
        }
        let now = what.is_some().then(|| Announced {
            space: state.space.clone(),
            value: state.value.clone(),
            at: state.at,
            source: state.source.clone(),
        });
        match &now {
            Some(now) => self.announced.insert(key.clone(), now.clone()),
            None => self.announced.remove(key),
        };
        self.changes.insert(key.clone(), now);
        let before = before.map(|before| match before.source == state.source {
            true => before.value,
            false => outline(&key.facet, &before.value),
        });
        Some(StateChanged {
            subject: state.subject,
            facet: state.facet,
            space: state.space,
            before,
            now: Some(state.value),
            since: state.since,
            source: Some(state.source),
        })
    }
}

fn place_entity(value: &Value) -> Option<Uuid> {
    value["place_entity"].as_str()?.parse().ok()
}
