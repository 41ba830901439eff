//! A request's parameters.

use serde_json::{Map, Value};
use sovereign_plugin::{PluginError, WebhookRequest};

use crate::signature;

/// More than any of Twilio's requests has.
const MOST: usize = 200;

/// The parameters of a request: of its body (POST) or its address (GET).
#[derive(Debug)]
pub struct Parameters {
    all: Vec<(String, String)>,
    /// Those of an address are signed with it, and JSON by its hash in the address.
    is_form: bool,
}

impl Parameters {
    /// Reads them.
    pub fn of(request: &WebhookRequest) -> Result<Self, PluginError> {
        let media_type = request.header("content-type").unwrap_or_default();
        let is_json = media_type.trim_start().to_ascii_lowercase().starts_with("application/json");
        match request.method.as_str() {
            "POST" if is_json => Self::of_json(request),
            "POST" => Self::of_form(&request.body, true),
            "GET" => Self::of_form(request.query().as_bytes(), false),
            _ => Err(PluginError::rejected("Twilio calls by POST or GET")),
        }
    }

    fn of_form(encoded: &[u8], is_form: bool) -> Result<Self, PluginError> {
        let pairs = form_urlencoded::parse(encoded).map(|(n, v)| (n.into(), v.into()));
        Self::few(pairs.take(MOST + 1).collect(), is_form)
    }

    /// The members of an object that say something by themselves.
    fn of_json(request: &WebhookRequest) -> Result<Self, PluginError> {
        if !signature::is_signed_body(request) {
            return Err(PluginError::rejected("its body is not the one that was signed"));
        }
        let members: Map<String, Value> = serde_json::from_slice(&request.body)
            .map_err(|_| PluginError::rejected("its body is no object of JSON"))?;
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let all = members.into_iter().filter_map(|(name, value)| Some((name, text(value)?)));
        Self::few(all.take(MOST + 1).collect(), false)
    }

    fn few(all: Vec<(String, String)>, is_form: bool) -> Result<Self, PluginError> {
        if all.len() > MOST {
            return Err(PluginError::rejected("it has more parameters than Twilio sends"));
        }
        Ok(Self { all, is_form })
    }

    /// What is signed beside the address.
    pub fn signed(&self) -> &[(String, String)] {
        if self.is_form { &self.all } else { &[] }
    }

    /// One of them, where it says something.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.all.iter().find(|(known, _)| known == name)?;
        (!value.is_empty()).then_some(value)
    }

    /// One that must be there.
    pub fn required(&self, name: &str) -> Result<&str, PluginError> {
        self.get(name).ok_or_else(|| PluginError::rejected(format!("{name} is missing")))
    }
}
