//! What is done with single values.

use serde_json::{Number, Value};

use super::document::Transform;
use crate::normal::{self, Moment, Phones};

/// What transforms read beside the value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings<'a> {
    pub(super) phones: &'a Phones,
    /// The time zone that stands beside the value.
    pub(super) zone: Option<chrono_tz::Tz>,
    /// By how many seconds a time is later.
    pub(super) plus: Option<i64>,
}

/// A value as text, where it is one or a number.
pub(super) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// One value as the transform makes it; `None` where it cannot be read so.
pub(super) fn apply(
    transform: Transform,
    value: &Value,
    around: Surroundings<'_>,
) -> Option<Value> {
    let text = || as_text(value);
    let made = match transform {
        // Those are about many values.
        Transform::First | Transform::List => return Some(value.clone()),
        Transform::Address => return normal::postal_address(value),
        Transform::Number => return number(value),
        Transform::Boolean => return boolean(value),
        Transform::Text => normal::written(&text()?),
        Transform::Line => normal::line(&text()?),
        Transform::Html => normal::html_to_text(&text()?),
        Transform::Name => normal::name(&text()?),
        Transform::Thread => normal::thread(&text()?),
        Transform::Lower => Some(text()?.to_lowercase()),
        Transform::Datetime => {
            later(normal::moment(&text()?, around.zone)?, around).map(Moment::text)
        }
        Transform::Date => later(normal::date(&text()?)?, around).map(Moment::text),
        Transform::Zone => normal::zone(&text()?).map(|zone| zone.name().to_owned()),
        Transform::Phone => {
            let text = text()?;
            match around.phones.read(&text) {
                Some(phone) => Some(phone.number),
                None => normal::line(&text),
            }
        }
        Transform::PhoneRegion => around.phones.read(&text()?).and_then(|phone| phone.region),
        Transform::Email => normal::email(&text()?),
        Transform::EmailDomain => normal::email_domain(&text()?),
        Transform::Url => normal::url(&text()?),
        Transform::UrlHost => normal::host(&text()?),
    };
    made.map(Value::String)
}

fn later(moment: Moment, around: Surroundings<'_>) -> Option<Moment> {
    match around.plus {
        Some(seconds) => moment.later(seconds),
        None => Some(moment),
    }
}

fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => {
            let text = text.trim();
            let whole = text.parse::<i64>().ok().map(Number::from);
            whole.or_else(|| Number::from_f64(text.parse().ok()?)).map(Value::Number)
        }
        _ => None,
    }
}

fn boolean(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(_) => Some(value.clone()),
        Value::Number(number) => match number.as_i64()? {
            0 => Some(Value::Bool(false)),
            1 => Some(Value::Bool(true)),
            _ => None,
        },
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(Value::Bool(true)),
            "false" | "no" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        _ => None,
    }
}
