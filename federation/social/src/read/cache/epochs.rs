//! Marks: when things were last touched.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{AccountId, PostId};

/// Something that cached entries are made from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Thing {
    /// A post's row, numbers, attachments, poll.
    Post(PostId),
    /// Everything about an account, its numbers too.
    Account(AccountId),
    /// An account's profile alone.
    Profile(AccountId),
    /// What a viewer sees in the home timeline, and what it has to do with posts.
    Viewer(AccountId),
    /// What a viewer holds back.
    Filters(AccountId),
    /// Whether there is a post of this ActivityPub id.
    Address(String),
}

/// A thing's place in the table of marks. Two things can share one: then an entry is dropped that
/// could have stayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(u16);

impl From<&Thing> for Slot {
    fn from(thing: &Thing) -> Self {
        // The same in every run, yet that does not matter: slots are never stored.
        let mut hasher = DefaultHasher::new();
        thing.hash(&mut hasher);
        let hash = hasher.finish();
        Self(u16::try_from(hash >> 48).unwrap_or_default())
    }
}

/// A moment in the order of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark(u64);

/// When each thing was last touched.
pub(crate) struct Epochs {
    now: AtomicU64,
    /// Entries older than this are untrue whatever they are made from.
    floor: AtomicU64,
    touched: Box<[AtomicU64]>,
}

impl Epochs {
    pub fn new() -> Self {
        let touched = (0..=u16::MAX).map(|_| AtomicU64::new(0)).collect();
        Self { now: AtomicU64::new(1), floor: AtomicU64::new(0), touched }
    }

    /// The mark for an entry, taken before the first statement that it is read with.
    pub fn mark(&self) -> Mark {
        Mark(self.now.load(Ordering::SeqCst))
    }

    /// Makes untrue what was made from these things up to now. The change must be committed:
    /// whoever takes the new mark must read the new state.
    pub fn touch(&self, things: impl IntoIterator<Item = Slot>) {
        let mark = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        for Slot(place) in things {
            self.touched[usize::from(place)].fetch_max(mark, Ordering::SeqCst);
        }
    }

    /// Makes everything up to now untrue.
    pub fn touch_everything(&self) {
        let mark = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.floor.fetch_max(mark, Ordering::SeqCst);
    }

    /// Whether none of the things was touched after the mark.
    pub fn holds(&self, mark: Mark, things: &[Slot]) -> bool {
        mark.0 >= self.floor.load(Ordering::SeqCst)
            && things.iter().all(|Slot(place)| {
                self.touched[usize::from(*place)].load(Ordering::SeqCst) <= mark.0
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(number: i64) -> Slot {
        Slot::from(&Thing::Post(PostId::from_number(number)))
    }

    #[test]
    fn an_entry_holds_until_one_of_its_things_is_touched() {
        let epochs = Epochs::new();
        let mark = epochs.mark();
        assert!(epochs.holds(mark, &[slot(1), slot(2)]));
        epochs.touch([slot(2)]);
        assert!(epochs.holds(mark, &[slot(1)]));
        assert!(!epochs.holds(mark, &[slot(1), slot(2)]));
        assert!(epochs.holds(epochs.mark(), &[slot(2)]), "read after the change");
    }

    #[test]
    fn a_reading_that_a_change_overtook_is_untrue_when_it_is_stored() {
        let epochs = Epochs::new();
        let mark = epochs.mark();
        epochs.touch([slot(1)]);
        assert!(!epochs.holds(mark, &[slot(1)]));
    }

    #[test]
    fn a_process_that_missed_events_forgets_everything() {
        let epochs = Epochs::new();
        let mark = epochs.mark();
        epochs.touch_everything();
        assert!(!epochs.holds(mark, &[]));
        assert!(epochs.holds(epochs.mark(), &[]));
    }
}
