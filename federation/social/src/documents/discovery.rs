//! How others find us: WebFinger, host-meta, NodeInfo.

use std::sync::Arc;

use activitypub::builders::{self, NodeInfo, NodeInfoVersion, WebFingerDocument};
use activitypub::vocabulary::parse_url;
use activitypub::webfinger::Handle;
use serde_json::Value;

use crate::store::documents_accounts;
use crate::{Social, SocialError};

/// What the software is called in NodeInfo: lower case letters and dashes.
const SOFTWARE: &str = "sovereign";

impl Social {
    /// What WebFinger answers about `acct:user@host`, an actor's id or an account's page. `None`
    /// where it is nobody of ours.
    ///
    /// # Errors
    /// The store failed.
    pub async fn webfinger(&self, resource: &str) -> Result<Option<Value>, SocialError> {
        let pool = self.0.spine.pool();
        let username = match parse_url(resource) {
            Some(address) => {
                documents_accounts::username_by_address(pool, address.as_str()).await?
            }
            None => Handle::parse(resource)
                .ok()
                .filter(|handle| handle.host() == self.settings().domain())
                .map(|handle| handle.user().to_owned()),
        };
        let Some(username) = username else { return Ok(None) };
        let Some(row) = documents_accounts::local_actor(pool, &username).await? else {
            return Ok(None);
        };
        if row.suspended || row.deleted {
            return Ok(None);
        }
        let Ok(subject) = Handle::new(&row.username, &self.settings().domain()) else {
            return Ok(None);
        };
        let origin = self.settings().origin.as_str().trim_end_matches('/');
        let document = WebFingerDocument {
            subject,
            actor: self.own_url(&row.uri),
            page: self.own_url(&row.url),
            avatar: self
                .picture(row.avatar_url.as_deref())
                .map(|picture| (picture.url, picture.media_type)),
            subscribe_template: Some(format!("{origin}/authorize_interaction?uri={{uri}}")),
        };
        Ok(Some(document.build()))
    }

    /// The host-meta document, XML.
    pub fn host_meta(&self) -> String {
        builders::host_meta(&self.settings().origin)
    }

    /// Where the NodeInfo documents are.
    pub fn nodeinfo_discovery(&self) -> Value {
        builders::nodeinfo_discovery(&self.settings().origin)
    }

    /// The NodeInfo document of version `2.0` or `2.1`; `None` for another.
    ///
    /// # Errors
    /// The store failed.
    pub async fn nodeinfo(&self, version: &str) -> Result<Option<Value>, SocialError> {
        let version = match version {
            "2.0" => NodeInfoVersion::V2_0,
            "2.1" => NodeInfoVersion::V2_1,
            _ => return Ok(None),
        };
        if let Some(known) = self.0.documents.usage.get(&()) {
            return Ok(Some(known.build(version)));
        }
        let now = self.0.spine.clock().now();
        let usage = documents_accounts::usage(self.0.spine.pool(), now).await?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        let settings = self.settings();
        let info = Arc::new(NodeInfo {
            software_name: SOFTWARE.to_owned(),
            software_version: env!("CARGO_PKG_VERSION").to_owned(),
            repository: settings.source_url.clone(),
            homepage: None,
            open_registrations: settings.registrations_open,
            users_total: count(usage.users),
            users_active_month: count(usage.active_month),
            users_active_half_year: count(usage.active_half_year),
            local_posts: count(usage.posts),
            node_name: settings.title.clone(),
            node_description: settings.description.clone(),
        });
        self.0.documents.usage.insert((), info.clone());
        Ok(Some(info.build(version)))
    }
}
