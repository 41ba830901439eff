//! Static files, embedded in the program.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/static"]
struct Files;

/// A static file as it is served.
pub struct StaticFile {
    /// Its bytes.
    pub body: Cow<'static, [u8]>,
    /// Its media type.
    pub content_type: &'static str,
    /// A strong validator: the hash of its bytes.
    pub etag: String,
}

/// The static file of this name (`style.css`), if there is one.
pub fn static_file(name: &str) -> Option<StaticFile> {
    let file = Files::get(name)?;
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let content_type = match extension {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    let hash = file.metadata.sha256_hash();
    let etag = hash[..16].iter().fold(String::from("\""), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    }) + "\"";
    Some(StaticFile { body: file.data, content_type, etag })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_pages_and_clients_name_is_there() {
        for name in ["style.css", "icon.svg", "avatar.png", "header.png", "manifest.webmanifest"] {
            let file = static_file(name).unwrap_or_else(|| panic!("{name} is missing"));
            assert!(!file.body.is_empty());
            assert_ne!(file.content_type, "application/octet-stream");
        }
        assert!(static_file("../Cargo.toml").is_none());
    }
}
