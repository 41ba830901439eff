//! The plugin `ms-graph`: mail, calendar and contacts of a Microsoft account.
//!
//! Each resource is read by its delta query
//! (<https://learn.microsoft.com/graph/delta-query-overview>): pages that follow each other by
//! `@odata.nextLink`, until a `@odata.deltaLink` asks next time for what changed since. A call fetches
//! one page of one resource. A resource whose link expired begins again by itself, and leaves the
//! others alone.

mod cursor;
mod page;
mod resource;
mod series;
mod settings;

use sovereign_plugin::connector::{Batch, Context};
use sovereign_plugin::{Connector, Description, Host, HttpError, PluginError, Request, Response};
use url::Url;

use cursor::Cursor;
use page::Page;
use resource::Resource;
use settings::Settings;

/// The secret's name in the manifest.
const SECRET: &str = "graph";

/// The plugin.
#[derive(Debug)]
pub struct MsGraph;

impl Connector for MsGraph {
    fn describe() -> Description {
        Description::new(settings::schema(), Resource::ALL.map(Resource::kind))
    }

    fn sync<H: Host>(
        host: &H,
        context: &Context,
        cursor: Option<&[u8]>,
    ) -> Result<Batch, PluginError> {
        let settings: Settings = context.settings()?;
        let base = settings.base()?;
        let wanted = settings.resources();
        let mut cursor = sovereign_plugin::cursor::read::<Cursor>(cursor)?.about(&base);
        let resource = cursor.current(&wanted);
        let link = cursor.link(resource).map(str::to_owned);
        let url = match &link {
            Some(link) => checked(link, &base)?,
            None => {
                cursor.begins(resource, host.now());
                resource.first_url(&base, &settings, host.now())
            }
        };

        let mut records = Vec::new();
        match request(&url, cursor.page_size()).send(host) {
            Err(HttpError::TooLarge(_)) if cursor.smaller_pages() => {
                host.info("a page was too large; asking for smaller ones");
            }
            Err(error) => return Err(error.into()),
            Ok(response) if is_expired(&response) => {
                restart(host, &mut cursor, resource, link.as_deref(), &response, &base)?;
            }
            Ok(response) => {
                let page = Page::of(resource, &response.success(host)?)?;
                cursor.follows(resource, &page.next, host.now());
                records = page.records;
                if resource == Resource::Calendar {
                    series::complete(host, &base, &mut records)?;
                }
            }
        }
        let more = cursor.has_more(&wanted);
        if !more {
            cursor.end_pass();
        }
        Ok(Batch {
            records,
            more,
            next_cursor: sovereign_plugin::cursor::write(&cursor)?,
            next_sync_after: None,
        })
    }
}

fn request(url: &Url, page_size: u32) -> Request {
    item_request(url).header("prefer", format!("odata.maxpagesize={page_size}"))
}

/// A request whose answer holds items.
fn item_request(url: &Url) -> Request {
    Request::get(url.as_str())
        .header("accept", "application/json")
        .header("prefer", "outlook.timezone=\"UTC\"")
        // Else a message that is moved to another folder has another id.
        .header("prefer", "IdType=\"ImmutableId\"")
        .bearer(SECRET)
}

/// Whether the service has forgotten a link: 410 says so, and some of its answers only in their words.
fn is_expired(response: &Response) -> bool {
    let says_so = || {
        let words = response.text().to_ascii_lowercase();
        ["syncstatenotfound", "syncstateinvalid", "resyncrequired"]
            .iter()
            .any(|code| words.contains(code))
    };
    response.status == 410 || ((400..500).contains(&response.status) && says_so())
}

/// A link that expired (410: `syncStateNotFound`, `resyncRequired` and others): the resource begins
/// again, at the address that the answer names or from nothing.
fn restart<H: Host>(
    host: &H,
    cursor: &mut Cursor,
    resource: Resource,
    link: Option<&str>,
    response: &Response,
    base: &Url,
) -> Result<(), PluginError> {
    if link.is_none() {
        let complaint = response.complaint();
        return Err(PluginError::failed(format!("{resource} cannot be read: {complaint}")));
    }
    host.info(&format!("the link of {resource} expired; it begins again"));
    let address = response.header("location").filter(|address| Some(*address) != link);
    let address = address.map(|address| checked(address, base)).transpose()?;
    cursor.restart(resource, address.map(String::from));
    Ok(())
}

/// Links come from outside; the credential goes with them.
fn checked(link: &str, base: &Url) -> Result<Url, PluginError> {
    let url = Url::parse(link)
        .map_err(|error| PluginError::failed(format!("a link of the service: {error}")))?;
    if url.origin() != base.origin() {
        return Err(PluginError::failed(format!(
            "the service gave a link to another host: {}",
            url.host_str().unwrap_or_default()
        )));
    }
    Ok(url)
}

sovereign_plugin::export_connector!(MsGraph);
