//! Normalising: one form for times, phone numbers, mail addresses, names and text. No I/O.

mod address;
mod phone;
mod text;
mod time;
mod web;

pub(crate) use address::postal_address;
pub(crate) use phone::{Phones, Region};
pub(crate) use text::{LONGEST_TEXT, html_to_text, line, name, thread, without_nul, written};
pub(crate) use time::{Moment, date, moment, zone};
pub(crate) use web::{email, email_domain, host, url};
