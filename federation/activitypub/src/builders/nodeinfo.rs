//! NodeInfo: what software this is and how many use it.

use serde_json::{Map, Value, json};
use url::Url;

use super::put;

/// Which schema. Phanpy reads the highest below 2.1, crawlers the highest of all: publish both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeInfoVersion {
    /// Schema 2.0.
    V2_0,
    /// Schema 2.1.
    V2_1,
}

impl NodeInfoVersion {
    /// As the document and the path spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2_0 => "2.0",
            Self::V2_1 => "2.1",
        }
    }
}

/// The node in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeInfo {
    /// Lower case, digits and dashes only.
    pub software_name: String,
    /// The program's version.
    pub software_version: String,
    /// Where the source is (2.1).
    pub repository: Option<Url>,
    /// The project's page (2.1).
    pub homepage: Option<Url>,
    /// Whether strangers may register.
    pub open_registrations: bool,
    /// Accounts.
    pub users_total: u64,
    /// Accounts active in the last 30 days.
    pub users_active_month: u64,
    /// Accounts active in the last 180 days.
    pub users_active_half_year: u64,
    /// Posts written here.
    pub local_posts: u64,
    /// The node's name.
    pub node_name: String,
    /// What it is about.
    pub node_description: String,
}

impl NodeInfo {
    /// The document in one of its schemas.
    pub fn build(&self, version: NodeInfoVersion) -> Value {
        let mut software = Map::new();
        put(&mut software, "name", Some(self.software_name.as_str()));
        put(&mut software, "version", Some(self.software_version.as_str()));
        if version == NodeInfoVersion::V2_1 {
            put(&mut software, "repository", self.repository.as_ref().map(Url::as_str));
            put(&mut software, "homepage", self.homepage.as_ref().map(Url::as_str));
        }
        json!({
            "version": version.as_str(),
            "software": software,
            "protocols": ["activitypub"],
            "services": {"inbound": [], "outbound": []},
            "openRegistrations": self.open_registrations,
            "usage": {
                "users": {
                    "total": self.users_total,
                    "activeMonth": self.users_active_month,
                    "activeHalfyear": self.users_active_half_year,
                },
                "localPosts": self.local_posts,
            },
            "metadata": {
                "nodeName": self.node_name,
                "nodeDescription": self.node_description,
            },
        })
    }
}

/// `/.well-known/nodeinfo`: where the documents are. `base` is the node's root.
pub fn nodeinfo_discovery(base: &Url) -> Value {
    let origin = base.origin().ascii_serialization();
    let links: Vec<Value> = [NodeInfoVersion::V2_0, NodeInfoVersion::V2_1]
        .into_iter()
        .map(NodeInfoVersion::as_str)
        .map(|version| {
            json!({
                "rel": format!("http://nodeinfo.diaspora.software/ns/schema/{version}"),
                "href": format!("{origin}/nodeinfo/{version}"),
            })
        })
        .collect();
    json!({"links": links})
}
