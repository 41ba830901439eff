//! Between JSON and CEL's values, bounded both ways.

use std::collections::HashMap;

use cel::common::types::{
    CelBool, CelBytes, CelDouble, CelDuration, CelInt, CelList, CelMap, CelMapKey, CelNull,
    CelOptional, CelString, CelTimestamp, CelType, CelUInt,
};
use cel::common::value::Val;
use serde_json::{Map, Number, Value as Json};

use super::limits::{DATA_BYTES, LIST_ITEMS, TEXT_BYTES};

/// Makes CEL's values of JSON without copying its texts. Lists, texts and the whole are cut to what an
/// expression may see.
pub(crate) struct Importer {
    bytes: usize,
    /// Whether something was left out.
    pub(crate) cut: bool,
}

impl Importer {
    pub(crate) fn new() -> Self {
        Self::within(DATA_BYTES)
    }

    /// One that takes no more than this.
    pub(crate) fn within(bytes: usize) -> Self {
        Self { bytes, cut: false }
    }

    pub(crate) fn value<'v>(&mut self, json: &'v Json) -> Box<dyn Val + 'v> {
        if self.bytes < 16 {
            self.cut = true;
            return Box::new(CelNull);
        }
        self.bytes -= 16;
        match json {
            Json::Null => Box::new(CelNull),
            Json::Bool(value) => Box::new(CelBool::from(*value)),
            Json::Number(number) => Self::number(number),
            Json::String(text) => Box::new(CelString::from(self.text(text))),
            Json::Array(items) => {
                self.cut |= items.len() > LIST_ITEMS;
                let items: Vec<_> =
                    items.iter().take(LIST_ITEMS).map(|item| self.value(item)).collect();
                Box::new(CelList::from(items))
            }
            Json::Object(fields) => {
                self.cut |= fields.len() > LIST_ITEMS;
                let fields: HashMap<_, _> = fields
                    .iter()
                    .take(LIST_ITEMS)
                    .map(|(name, value)| (CelMapKey::from(name.as_str()), self.value(value)))
                    .collect();
                Box::new(CelMap::from(fields))
            }
        }
    }

    fn text<'v>(&mut self, text: &'v str) -> &'v str {
        let end = text.floor_char_boundary(TEXT_BYTES.min(self.bytes));
        self.cut |= end < text.len();
        self.bytes -= end;
        &text[..end]
    }

    fn number(number: &Number) -> Box<dyn Val> {
        match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Box::new(CelInt::from(value)),
            (None, Some(value)) => Box::new(CelUInt::from(value)),
            (None, None) => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        }
    }
}

/// How much of a value is written as JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    depth: usize,
    items: usize,
    bytes: usize,
}

impl Extent {
    /// For traces: enough to see why.
    pub(crate) const TRACE: Self = Self { depth: 5, items: 20, bytes: 300 };
    /// For what is done and passed on.
    pub(crate) const WHOLE: Self = Self { depth: 32, items: LIST_ITEMS, bytes: TEXT_BYTES };

    fn inner(self) -> Self {
        Self { depth: self.depth.saturating_sub(1), ..self }
    }
}

/// Writes a value as JSON.
pub(crate) fn to_json(value: &dyn Val, extent: Extent) -> Json {
    if let Some(text) = value.downcast_ref::<CelString>() {
        return Json::String(shortened(text.inner(), extent.bytes));
    }
    if let Some(value) = value.downcast_ref::<CelBool>() {
        return Json::Bool(*value.inner());
    }
    if let Some(value) = value.downcast_ref::<CelInt>() {
        return (*value.inner()).into();
    }
    if let Some(value) = value.downcast_ref::<CelUInt>() {
        return (*value.inner()).into();
    }
    if let Some(value) = value.downcast_ref::<CelDouble>() {
        return Number::from_f64(*value.inner()).map_or(Json::Null, Json::Number);
    }
    if let Some(time) = value.downcast_ref::<CelTimestamp>() {
        return Json::String(time.inner().to_rfc3339());
    }
    if let Some(span) = value.downcast_ref::<CelDuration>() {
        let seconds = span.inner().num_milliseconds() as f64 / 1_000.0;
        return Json::String(format!("{seconds}s"));
    }
    if let Some(list) = value.downcast_ref::<CelList>() {
        if extent.depth == 0 {
            return Json::String(format!("[{} items]", list.inner().len()));
        }
        let items = list.inner().iter().take(extent.items);
        return Json::Array(items.map(|item| to_json(item.as_ref(), extent.inner())).collect());
    }
    if let Some(map) = value.downcast_ref::<CelMap>() {
        return map_to_json(map, extent);
    }
    if let Some(optional) = value.downcast_ref::<CelOptional>() {
        return optional.option().map_or(Json::Null, |value| to_json(value, extent));
    }
    if let Some(kind) = value.downcast_ref::<CelType>() {
        return Json::String(kind.name().to_owned());
    }
    if let Some(bytes) = value.downcast_ref::<CelBytes>() {
        return Json::String(format!("[{} bytes]", bytes.inner().len()));
    }
    Json::Null
}

fn map_to_json(map: &CelMap<'_>, extent: Extent) -> Json {
    if extent.depth == 0 {
        return Json::String(format!("{{{} fields}}", map.inner().len()));
    }
    let mut fields: Vec<(String, &dyn Val)> = map
        .inner()
        .iter()
        .map(|(key, value)| {
            let name = match to_json(key.inner(), extent) {
                Json::String(name) => name,
                other => other.to_string(),
            };
            (name, value.as_ref())
        })
        .collect();
    // The map has no order; what is written has one.
    fields.sort_by(|(one, _), (other, _)| one.cmp(other));
    let shown = fields.into_iter().take(extent.items);
    Json::Object(
        shown.map(|(name, value)| (name, to_json(value, extent.inner()))).collect::<Map<_, _>>(),
    )
}

/// A text as it may be stored: without NUL, which Postgres refuses, and not beyond `bytes`.
pub(crate) fn shortened(text: &str, bytes: usize) -> String {
    let end = text.floor_char_boundary(bytes);
    let mut short = text[..end].replace('\0', "\u{fffd}");
    if end < text.len() {
        short.push('…');
    }
    short
}

/// About how many bytes JSON takes when it is written.
pub(crate) fn written(json: &Json) -> usize {
    match json {
        Json::Null | Json::Bool(_) => 5,
        Json::Number(_) => 12,
        Json::String(text) => text.len() + 2,
        Json::Array(items) => items.iter().fold(2, |sum, item| sum + written(item) + 1),
        Json::Object(fields) => {
            fields.iter().fold(2, |sum, (name, value)| sum + name.len() + written(value) + 4)
        }
    }
}

/// About how many bytes a value holds.
pub(crate) fn weight(value: &dyn Val) -> usize {
    if let Some(text) = value.downcast_ref::<CelString>() {
        16 + text.inner().len()
    } else if let Some(list) = value.downcast_ref::<CelList>() {
        list.inner().iter().fold(16, |sum, item| sum + weight(item.as_ref()))
    } else if let Some(map) = value.downcast_ref::<CelMap>() {
        map.inner()
            .iter()
            .fold(16, |sum, (key, value)| sum + weight(key.inner()) + weight(value.as_ref()))
    } else if let Some(bytes) = value.downcast_ref::<CelBytes>() {
        16 + bytes.inner().len()
    } else {
        16
    }
}
