//! Schedules in local time, across the changes of summer time.

use chrono::{DateTime, Utc};
use rules::document::{LocalSchedule, Schedule};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The next times after a moment, each after the one before.
fn next(cron: &str, after: &str, times: usize) -> Vec<String> {
    let schedule =
        Schedule::Local(LocalSchedule { cron: cron.to_owned(), zone: "Europe/Vienna".to_owned() });
    let mut moment = at(after);
    let mut found = Vec::new();
    for _ in 0..times {
        moment = schedule.next_after(moment).unwrap();
        found.push(moment.format("%d %H:%M").to_string());
    }
    found
}

#[test]
fn seven_in_the_morning_stays_seven_in_the_morning() {
    assert_eq!(next("0 7 * * *", "2026-03-28T00:00:00Z", 2), ["28 06:00", "29 05:00"]);
    assert_eq!(next("0 7 * * *", "2026-10-24T00:00:00Z", 2), ["24 05:00", "25 06:00"]);
}

#[test]
fn a_time_that_a_night_leaves_out_comes_once_and_no_day_is_lost() {
    // On March 29th the clock goes from two to three.
    let found = next("30 2 * * *", "2026-03-28T12:00:00Z", 2);
    assert_eq!(found[1], "30 00:30", "{found:?}");
    assert!(found[0].starts_with("29 01:"), "{found:?}");
}

#[test]
fn a_time_that_a_night_has_twice_comes_once() {
    // On October 25th the hour from two to three comes twice.
    let found = next("30 2 * * *", "2026-10-24T12:00:00Z", 2);
    assert!(found[0] == "25 00:30" || found[0] == "25 01:30", "{found:?}");
    assert_eq!(found[1], "26 01:30", "{found:?}");
    // What runs by the minute goes on running.
    let found = next("*/30 * * * *", "2026-10-24T23:45:00Z", 6);
    assert_eq!(found, ["25 00:00", "25 00:30", "25 01:00", "25 01:30", "25 02:00", "25 02:30"]);
}
