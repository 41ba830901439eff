//! The mappings that come with the node.

use super::{Form, MappingDocument, ReadError, read};

const FILES: [&str; 6] = [
    include_str!("../../mappings/feed.source.yaml"),
    include_str!("../../mappings/feed.entry.yaml"),
    include_str!("../../mappings/calendar.event.yaml"),
    include_str!("../../mappings/ms-graph.message.yaml"),
    include_str!("../../mappings/ms-graph.event.yaml"),
    include_str!("../../mappings/ms-graph.contact.yaml"),
];

/// All of them.
///
/// # Errors
/// One cannot be read, which a test would have shown.
pub(crate) fn built_ins() -> Result<Vec<MappingDocument>, ReadError> {
    FILES.iter().map(|text| read(text.as_bytes(), Form::Yaml)).collect()
}
