//! The plugin `ical`: subscribes to a calendar that is published as iCalendar (RFC 5545).
//!
//! A call fetches the calendar with the validators of the last time and gives the events that are new,
//! changed or gone, at most [`PAGE`] at once. What a calendar had is remembered in the cursor, and that
//! of a large one in the plugin's state, see [`snapshot`].

mod calendar;
mod cursor;
mod pass;
mod settings;
mod snapshot;

use sovereign_plugin::connector::{Batch, Context};
use sovereign_plugin::{Connector, Description, Host, PluginError, Request, Response};

pub use calendar::{Attendee, Calendar, Event, Geo, Organizer, When, parse};
use cursor::Cursor;
pub use pass::PAGE;
use settings::Settings;

/// The kind of its records.
pub const EVENT_KIND: &str = "calendar.event/1";

/// However long the server says, once a day is asked.
const LONGEST_SECONDS: u64 = 24 * 60 * 60;

/// The plugin.
#[derive(Debug)]
pub struct Ical;

impl Connector for Ical {
    fn describe() -> Description {
        Description::new(settings::schema(), [EVENT_KIND])
    }

    fn sync<H: Host>(
        host: &H,
        context: &Context,
        cursor: Option<&[u8]>,
    ) -> Result<Batch, PluginError> {
        let settings: Settings = context.settings()?;
        let url = settings.checked_url()?;
        let mut cursor = sovereign_plugin::cursor::read::<Cursor>(cursor)?.about(url.as_str());

        let response = request(&cursor, url.as_str()).send(host)?;
        if response.status == 304 {
            return Ok(Batch {
                next_sync_after: next_sync(host, &response, cursor.refresh_seconds),
                next_cursor: sovereign_plugin::cursor::write(&cursor)?,
                ..Batch::default()
            });
        }
        let response = answered(host, response)?;
        let calendar = calendar::parse(&response.body)?;
        if calendar.is_cut_off {
            host.warn("the calendar is cut off: what is missing is not taken for gone");
        }
        cursor.refresh_seconds = calendar.refresh_seconds;
        let page = pass::next(host, &mut cursor, &calendar, settings.oldest(host.now()))?;
        // Asking with validators would hide the rest of a calendar that is sent by halves.
        if !page.more {
            cursor.etag = response.header("etag").map(str::to_owned);
            cursor.last_modified = response.header("last-modified").map(str::to_owned);
        }
        Ok(Batch {
            records: page.records,
            more: page.more,
            next_sync_after: next_sync(host, &response, cursor.refresh_seconds)
                .filter(|_| !page.more),
            next_cursor: sovereign_plugin::cursor::write(&cursor)?,
        })
    }
}

fn request(cursor: &Cursor, url: &str) -> Request {
    let mut request = Request::get(url).header("accept", "text/calendar, */*;q=0.1");
    if cursor.is_in_pass() {
        return request;
    }
    if let Some(etag) = &cursor.etag {
        request = request.header("if-none-match", etag);
    }
    if let Some(time) = &cursor.last_modified {
        request = request.header("if-modified-since", time);
    }
    request
}

/// The answer, where it is a document.
fn answered<H: Host>(host: &H, response: Response) -> Result<Response, PluginError> {
    match response.status {
        401 => Err(PluginError::bad_config("the calendar is not public: the server answered 401")),
        // What stands before many servers says so now and then, and lets the next one pass.
        403 => Err(PluginError::failed(
            "the server does not let us read the calendar: it answered 403",
        )),
        404 | 410 => Err(PluginError::failed(format!(
            "there is no calendar at this address any more: the server answered {}",
            response.status
        ))),
        _ => response.success(host),
    }
}

/// The later of what the calendar says (REFRESH-INTERVAL) and what the answer says.
fn next_sync<H: Host>(host: &H, response: &Response, refresh: Option<u64>) -> Option<u64> {
    let seconds = refresh.into_iter().chain(response.max_age()).max().filter(|s| *s > 0)?;
    Some(host.now() + seconds.min(LONGEST_SECONDS) * 1000)
}

sovereign_plugin::export_connector!(Ical);
