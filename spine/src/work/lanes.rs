//! Who may start next: reserved workers first, then a fair share of the rest. No I/O.

use std::time::Duration;

use super::{Lane, WorkSettings};

/// How often a lane gets a shared worker where several want one.
const WEIGHTS: [i32; 3] = [4, 2, 1];

/// Counts a process's busy workers and gives out the free ones.
#[derive(Debug)]
pub(crate) struct Slots {
    reserved: [usize; 3],
    shared: usize,
    busy: [usize; 3],
    /// Smooth weighted round robin: who is owed a turn.
    credit: [i32; 3],
}

impl Slots {
    pub(crate) fn new(settings: &WorkSettings) -> Self {
        Self { reserved: settings.reserved, shared: settings.shared, busy: [0; 3], credit: [0; 3] }
    }

    fn shared_free(&self) -> usize {
        let used: usize =
            (0..3).map(|lane| self.busy[lane].saturating_sub(self.reserved[lane])).sum();
        self.shared.saturating_sub(used)
    }

    /// How many jobs of this lane could start now.
    pub(crate) fn free(&self, lane: Lane) -> usize {
        let lane = lane.index();
        self.reserved[lane].saturating_sub(self.busy[lane]) + self.shared_free()
    }

    /// Takes a worker for one of the lanes that have work waiting: the most urgent lane with a
    /// reserved worker free, else whose turn it is to get a shared one.
    pub(crate) fn take(&mut self, waiting: [bool; 3]) -> Option<Lane> {
        let reserved = Lane::ALL.into_iter().find(|lane| {
            waiting[lane.index()] && self.busy[lane.index()] < self.reserved[lane.index()]
        });
        let lane = match reserved {
            Some(lane) => lane,
            None if self.shared_free() > 0 => self.next_in_turn(waiting)?,
            None => return None,
        };
        self.busy[lane.index()] += 1;
        Some(lane)
    }

    fn next_in_turn(&mut self, waiting: [bool; 3]) -> Option<Lane> {
        let contenders = Lane::ALL.into_iter().filter(|lane| waiting[lane.index()]);
        let mut total = 0;
        let mut chosen: Option<Lane> = None;
        for lane in contenders {
            let index = lane.index();
            self.credit[index] += WEIGHTS[index];
            total += WEIGHTS[index];
            if chosen.is_none_or(|best| self.credit[index] > self.credit[best.index()]) {
                chosen = Some(lane);
            }
        }
        if let Some(lane) = chosen {
            self.credit[lane.index()] -= total;
        }
        chosen
    }

    /// Gives a worker back.
    pub(crate) fn give_back(&mut self, lane: Lane) {
        let busy = &mut self.busy[lane.index()];
        *busy = busy.saturating_sub(1);
    }
}

/// How many jobs of a lane to claim ahead: doubles while claims run dry at once, shrinks while
/// claimed jobs wait long, so that fast jobs come in big batches and slow ones stay available to
/// other processes.
#[derive(Debug)]
pub(crate) struct Window {
    size: usize,
    most: usize,
}

/// A claim that lasts no longer than this was too small.
const RAN_DRY: Duration = Duration::from_millis(200);
/// A job that waited claimed for longer than this was claimed too early.
const WAITED_LONG: Duration = Duration::from_millis(800);

impl Window {
    pub(crate) fn new(most: usize) -> Self {
        Self { size: 1, most }
    }

    /// How many jobs to have claimed and not started, at most; `free` workers could start now.
    pub(crate) fn size(&self, free: usize) -> usize {
        self.size.max(free).clamp(1, self.most.max(1))
    }

    /// A full claim of `claimed` jobs was all started after this time.
    pub(crate) fn ran_dry(&mut self, after: Duration, claimed: usize) {
        if after < RAN_DRY {
            self.size = (self.size.max(claimed) * 2).min(self.most.max(1));
        }
    }

    /// A job was started after waiting claimed for this long.
    pub(crate) fn waited(&mut self, for_long: Duration) {
        if for_long > WAITED_LONG {
            self.size = (self.size / 2).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(reserved: [usize; 3], shared: usize) -> Slots {
        Slots::new(&WorkSettings { reserved, shared, ..WorkSettings::default() })
    }

    #[test]
    fn a_flood_in_one_lane_leaves_the_others_their_reserved_workers() {
        let mut slots = slots([1, 2, 1], 3);
        let flood = std::iter::from_fn(|| slots.take([false, false, true])).count();
        assert_eq!(flood, 4, "its own worker and all shared ones");
        assert_eq!(slots.take([true, true, true]), Some(Lane::Realtime));
        assert_eq!(slots.take([true, true, true]), Some(Lane::Interactive));
        assert_eq!(slots.take([true, true, true]), Some(Lane::Interactive));
        assert_eq!(slots.take([true, true, true]), None);
    }

    #[test]
    fn shared_workers_are_given_in_turn_and_no_lane_starves() {
        let mut slots = slots([0, 0, 0], 1);
        let mut turns = [0; 3];
        for _ in 0..70 {
            let lane = slots.take([true, true, true]).unwrap();
            turns[lane.index()] += 1;
            slots.give_back(lane);
        }
        assert_eq!(turns, [40, 20, 10]);
    }

    #[test]
    fn the_window_grows_while_claims_run_dry_and_shrinks_while_jobs_wait() {
        let mut window = Window::new(100);
        assert_eq!(window.size(8), 8);
        window.ran_dry(Duration::from_millis(10), 8);
        assert_eq!(window.size(8), 16);
        window.ran_dry(Duration::from_millis(10), 16);
        window.ran_dry(Duration::from_millis(10), 32);
        window.ran_dry(Duration::from_millis(10), 64);
        assert_eq!(window.size(8), 100);
        window.waited(Duration::from_secs(2));
        assert_eq!(window.size(8), 50);
    }
}
