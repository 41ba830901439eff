//! The plugin `rss`: follows a feed in RSS (0.9x, 1.0, 2.0), Atom or JSON Feed.
//!
//! A call fetches the feed with the validators of the last time (ETag, Last-Modified), normalises it
//! and gives the entries that are new or changed, at most [`PAGE`] at once; a long feed takes several
//! calls. The cursor remembers a hash of every entry in the feed.

mod charset;
mod cursor;
mod document;
mod page;
mod politeness;
mod settings;

use sovereign_plugin::connector::{Batch, Context};
use sovereign_plugin::{Connector, Description, Host, PluginError, Request, Response};

use cursor::Cursor;
pub use document::{
    Author, Enclosure, Entry, Feed, Link, MOST_ENTRIES, Moment, Source, SourceName, parse,
};
pub use page::PAGE;
use settings::Settings;

/// The kind of a record about the feed itself.
pub const SOURCE_KIND: &str = "feed.source/1";
/// The kind of a record about an entry.
pub const ENTRY_KIND: &str = "feed.entry/1";

/// What it can read, best first.
const ACCEPT: &str = "application/atom+xml, application/rss+xml, application/feed+json, \
                      application/rdf+xml;q=0.9, application/xml;q=0.8, text/xml;q=0.8, \
                      application/json;q=0.7, */*;q=0.1";

/// The plugin.
#[derive(Debug)]
pub struct Rss;

impl Connector for Rss {
    fn describe() -> Description {
        Description::new(settings::schema(), [SOURCE_KIND, ENTRY_KIND])
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
                next_sync_after: politeness::next_sync(host, &response, cursor.ttl_minutes),
                next_cursor: sovereign_plugin::cursor::write(&cursor)?,
                ..Batch::default()
            });
        }
        let response = answered(host, response)?;
        let body = charset::readable(&response.body, response.header("content-type"));
        let feed = document::parse(&body, &response.final_url, host.now())?;
        if feed.left_out > 0 {
            host.warn(&format!("{} entries of a very long feed are left out", feed.left_out));
        }
        cursor.ttl_minutes = feed.ttl_minutes;
        let page = page::next(&mut cursor, &feed)?;
        // Asking with validators would hide the rest of a feed that is sent by halves.
        if !page.more {
            cursor.etag = response.header("etag").map(str::to_owned);
            cursor.last_modified = response.header("last-modified").map(str::to_owned);
        }
        Ok(Batch {
            records: page.records,
            more: page.more,
            next_sync_after: politeness::next_sync(host, &response, cursor.ttl_minutes)
                .filter(|_| !page.more),
            next_cursor: sovereign_plugin::cursor::write(&cursor)?,
        })
    }
}

fn request(cursor: &Cursor, url: &str) -> Request {
    let mut request = Request::get(url).header("accept", ACCEPT);
    if cursor.is_between_pages() {
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
        401 => Err(PluginError::bad_config("the feed is not public: the server answered 401")),
        // What stands before many servers says so now and then, and lets the next one pass.
        403 => {
            Err(PluginError::failed("the server does not let us read the feed: it answered 403"))
        }
        404 | 410 => Err(PluginError::failed(format!(
            "there is no feed at this address any more: the server answered {}",
            response.status
        ))),
        _ => response.success(host),
    }
}

sovereign_plugin::export_connector!(Rss);
