//! What is done over and over: a timeline is looked at, a page further, once more.
//!
//! Twenty thousand such reads a second leave no place for an entry each. What was permitted is written down
//! once in ten minutes for the same caller, app, action and thing; every refusal is written down. Between,
//! a decision costs a look into a set: it holds as long as nothing that it rests on has changed.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use contracts::access::{Action, Caller, Policy as _, Principal, Purpose, Resource, SpaceId};
use spine::Snowflake;

use crate::PolicyService;

/// For how many seconds an entry stands for what it tells of.
const WINDOW: i64 = 600;
/// So many are remembered.
const MOST: usize = 50_000;

/// Something that is done over and over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Routine {
    /// Who does it: with what is their own where it is a person, else with what is public.
    pub principal: Principal,
    /// The app through which a person acts.
    pub via: Option<Snowflake>,
    /// Whether a token says what they may do, which was looked at.
    pub scoped: bool,
    /// What is done.
    pub action: Action,
    /// With what kind of thing: `status`, `timeline`.
    pub kind: &'static str,
    /// What exactly, for the audit log: `timeline.home`.
    pub what: &'static str,
}

impl Routine {
    fn caller(&self) -> Caller {
        let scopes = self.scoped.then(Vec::new);
        Caller { via: self.via, scopes, ..Caller::new(self.principal.clone(), Purpose::USE) }
    }

    fn resource(&self) -> Resource {
        let space = match self.principal {
            Principal::Person(account) => SpaceId::of_person(account),
            _ => SpaceId::public(),
        };
        Resource::new(self.kind, self.what, space)
    }
}

/// What was permitted and written down a moment ago.
#[derive(Default)]
pub(crate) struct Routines(Mutex<Permitted>);

#[derive(Default)]
struct Permitted {
    /// The revision of what it rests on.
    revision: i64,
    window: i64,
    /// When a consent begins or ends by itself.
    until: Option<DateTime<Utc>>,
    routines: HashSet<Routine>,
}

impl Permitted {
    fn is_of(&self, revision: i64, now: DateTime<Utc>) -> bool {
        (self.revision, self.window) == (revision, window(now))
            && self.until.is_none_or(|until| now < until)
    }
}

impl Routines {
    fn holds(&self, routine: &Routine, revision: i64, now: DateTime<Utc>) -> bool {
        let permitted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        permitted.is_of(revision, now) && permitted.routines.contains(routine)
    }

    fn remember(
        &self,
        routine: Routine,
        (revision, now): (i64, DateTime<Utc>),
        until: Option<DateTime<Utc>>,
    ) {
        let mut permitted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !permitted.is_of(revision, now) || permitted.routines.len() >= MOST {
            let routines = HashSet::new();
            *permitted = Permitted { revision, window: window(now), until, routines };
        }
        permitted.routines.insert(routine);
    }
}

fn window(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(WINDOW)
}

impl PolicyService {
    /// Decides something that is done over and over, as [`contracts::access::Policy::decide`] does; but what
    /// is permitted is written down once in ten minutes.
    pub fn permits(&self, routine: Routine) -> bool {
        let (snapshot, now) = (self.snapshot(), self.now());
        let rememberable = !snapshot.policies.look_at_time();
        if rememberable && self.routines().holds(&routine, snapshot.revision, now) {
            return true;
        }
        let allowed = self.decide(&routine.caller(), routine.action, &routine.resource()).allowed;
        if allowed && rememberable {
            let until = snapshot.next_change(now);
            self.routines().remember(routine, (snapshot.revision, now), until);
        }
        allowed
    }
}
