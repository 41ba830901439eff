//! The node's own web pages: templates, static files and the view code between.
//!
//! Every page works without JavaScript and without anything from elsewhere. The edge fills these
//! structs and answers with what [`askama::Template::render`] gives.

pub mod pages;
mod static_files;

pub use askama::Template;
pub use static_files::{StaticFile, static_file};

/// The Content-Security-Policy of every page: nothing from elsewhere, no inline script.
/// `form-action` is not restricted: the answer to an authorize form is a redirect to the app's own
/// address, which browsers would block otherwise.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; \
    img-src 'self' https: http: data:; media-src 'self' https: http:; script-src 'self'; \
    connect-src 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'";
