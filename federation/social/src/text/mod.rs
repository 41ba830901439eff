//! Text: what people type, turned into HTML; what others send, made harmless.

mod clean;
mod count;
mod entities;
mod format;
mod plain;

pub use clean::clean_html;
pub use count::count_characters;
pub use entities::{Entity, MentionText, find_entities, hashtags, mentions};
pub use format::{Mentioned, format_line, format_text};
pub use plain::plain_text;
