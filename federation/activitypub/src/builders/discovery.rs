//! How a handle leads to an actor: WebFinger (RFC 7033) and host-meta (RFC 6415).

use serde_json::{Value, json};
use url::Url;

use crate::webfinger::Handle;

/// What WebFinger tells about a local account; media type `application/jrd+json`.
#[derive(Debug, Clone, PartialEq)]
pub struct WebFingerDocument {
    /// The handle as it is meant to be written.
    pub subject: Handle,
    /// The actor's id.
    pub actor: Url,
    /// Its web page.
    pub page: Url,
    /// Its avatar, with its media type.
    pub avatar: Option<(Url, String)>,
    /// The page on which somebody from elsewhere follows it, with `{uri}` in it.
    pub subscribe_template: Option<String>,
}

impl WebFingerDocument {
    /// The JSON resource descriptor.
    pub fn build(&self) -> Value {
        let mut links = vec![
            json!({
                "rel": "http://webfinger.net/rel/profile-page",
                "type": "text/html",
                "href": self.page.as_str(),
            }),
            json!({
                "rel": "self",
                "type": "application/activity+json",
                "href": self.actor.as_str(),
            }),
        ];
        if let Some(template) = &self.subscribe_template {
            links.push(json!({
                "rel": "http://ostatus.org/schema/1.0/subscribe",
                "template": template,
            }));
        }
        if let Some((url, media_type)) = &self.avatar {
            links.push(json!({
                "rel": "http://webfinger.net/rel/avatar",
                "type": media_type,
                "href": url.as_str(),
            }));
        }
        json!({
            "subject": self.subject.acct_uri(),
            "aliases": [self.page.as_str(), self.actor.as_str()],
            "links": links,
        })
    }
}

/// The host-meta document: where WebFinger is; media type `application/xrd+xml`. `base` is the
/// node's root.
pub fn host_meta(base: &Url) -> String {
    // An origin holds no character that XML escapes.
    let origin = base.origin().ascii_serialization();
    format!(
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?>"#,
            "\n",
            r#"<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">"#,
            "\n  ",
            r#"<Link rel="lrdd" type="application/jrd+json" "#,
            r#"template="{origin}/.well-known/webfinger?resource={{uri}}"/>"#,
            "\n</XRD>\n",
        ),
        origin = origin,
    )
}
