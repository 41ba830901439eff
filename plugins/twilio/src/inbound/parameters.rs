//! A request's parameters.

use sovereign_plugin::{PluginError, WebhookRequest};

/// More than any of Twilio's requests has.
const MOST: usize = 200;

/// The parameters of a request: of its body (POST) or its address (GET).
#[derive(Debug)]
pub struct Parameters {
    all: Vec<(String, String)>,
    /// Those of an address are signed with it.
    in_body: bool,
}

impl Parameters {
    /// Reads them.
    pub fn of(request: &WebhookRequest) -> Result<Self, PluginError> {
        let in_body = match request.method.as_str() {
            "POST" => true,
            "GET" => false,
            method => return Err(PluginError::rejected(format!("Twilio does not call {method}"))),
        };
        let encoded = if in_body { &request.body } else { request.query().as_bytes() };
        let all: Vec<(String, String)> = form_urlencoded::parse(encoded)
            .take(MOST + 1)
            .map(|(n, v)| (n.into(), v.into()))
            .collect();
        if all.len() > MOST {
            return Err(PluginError::rejected("it has more parameters than Twilio sends"));
        }
        Ok(Self { all, in_body })
    }

    /// What is signed beside the address.
    pub fn signed(&self) -> &[(String, String)] {
        if self.in_body { &self.all } else { &[] }
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
