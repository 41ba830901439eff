//! The Sovereign API's common shapes, and the port through which services read each other.
//!
//! Every route is below [`PREFIX`], takes [`crate::access::Access`], answers errors as problem
//! documents (RFC 9457), pages with an opaque cursor ([`Page`]), makes things under an id that follows
//! from `Idempotency-Key` ([`NewId`]) and tells versions with `ETag` ([`Conditions`]). A service writes its
//! paths below the prefix (`/entities/{id}`), and node nests them.

mod client;
mod conditions;
mod json;
mod new_id;
mod page;
mod path;
pub mod problems;

pub use client::{Api, ApiError, Transport};
pub use conditions::{Conditions, etag};
pub use json::{Body, Query};
pub use new_id::NewId;
pub use page::{Cursor, Page, PageQuery};
pub use path::Path;

/// Where the API begins.
pub const PREFIX: &str = "/api/sovereign/v1";

/// A problem document (RFC 9457) as the API's description shows it.
#[derive(Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ProblemDocument {
    /// A stable name: `urn:sovereign:problem:<name>`.
    pub r#type: String,
    /// A sentence for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// More about this very case.
    pub detail: Option<String>,
    /// The title again, where Mastodon's clients look for it.
    pub error: String,
}
