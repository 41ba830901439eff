//! Stands in for `js-sys`: the parts of `Date` that `chrono` names.

use wasm_bindgen::JsValue;

/// Why each of them ends the call.
const MESSAGE: &str = "a plugin has no clock of its own: ask the host (`Host::now`)";

/// A moment as JavaScript has it.
#[derive(Clone, Debug)]
pub struct Date(());

impl Date {
    /// Now: a guest asks its host instead.
    pub fn new_0() -> Self {
        panic!("{MESSAGE}")
    }

    /// A moment in milliseconds.
    pub fn new(_milliseconds: &JsValue) -> Self {
        panic!("{MESSAGE}")
    }

    /// A moment in local time, which a guest does not have.
    pub fn new_with_year_month_day_hr_min_sec(
        _year: u32,
        _month: i32,
        _day: i32,
        _hour: i32,
        _minute: i32,
        _second: i32,
    ) -> Self {
        panic!("{MESSAGE}")
    }

    /// Milliseconds since 1970.
    pub fn get_time(&self) -> f64 {
        panic!("{MESSAGE}")
    }

    /// Minutes between local time and UTC.
    pub fn get_timezone_offset(&self) -> f64 {
        panic!("{MESSAGE}")
    }
}
