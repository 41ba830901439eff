//! What the social service needs to know.

use std::path::PathBuf;

use url::Url;

/// Settings of the social service, read once at start.
#[derive(Clone, Debug)]
pub struct SocialSettings {
    /// The public origin that all our ids begin with: scheme, host and port, no path.
    pub origin: Url,
    /// The node's name for people.
    pub title: String,
    /// What the node is, in a sentence or two.
    pub description: String,
    /// Where to write to its people.
    pub contact_email: String,
    /// Where the source of the program that runs is, changes of its own included. `None`: the
    /// node's page `/about` says whom to ask.
    pub source_url: Option<Url>,
    /// Folder of uploaded media.
    pub media_folder: PathBuf,
    /// Longest post, in characters as Mastodon counts them. Default 5,000.
    pub max_post_characters: usize,
    /// Most attachments a post. Default 4.
    pub max_media_attachments: usize,
    /// Largest picture, in bytes. Default 16 MiB.
    pub max_image_bytes: usize,
    /// Largest video or sound, in bytes. Default 99 MiB.
    pub max_video_bytes: usize,
    /// Whether new people may join: shown to clients.
    pub registrations_open: bool,
    /// Whether joining waits for approval.
    pub approval_required: bool,
}

impl SocialSettings {
    /// The host, with its port where it is not the scheme's own: what follows the `@` of a handle.
    pub fn domain(&self) -> String {
        let host = self.origin.host_str().unwrap_or_default();
        self.origin.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}
