//! Where a plugin begins: a connector that reads a list of things, a page at each call.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sovereign_plugin::connector::{Batch, Context, RawRecord};
use sovereign_plugin::{Connector, Description, Host, PluginError, Request, cursor};

const KIND: &str = "template.thing/1";

/// What a person sets for an account.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    base_url: String,
}

/// What is remembered from one call to the next.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Cursor {
    page: u32,
}

/// What the service answers.
#[derive(Debug, Deserialize)]
struct Answer {
    things: Vec<Thing>,
    last: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Thing {
    id: String,
    version: String,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

/// The plugin.
#[derive(Debug)]
pub struct Template;

impl Connector for Template {
    fn describe() -> Description {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "base_url": {"type": "string", "format": "uri", "title": "Address of the service"},
            },
            "required": ["base_url"],
            "additionalProperties": false,
        });
        Description::new(schema, [KIND])
    }

    fn sync<H: Host>(
        host: &H,
        context: &Context,
        cursor: Option<&[u8]>,
    ) -> Result<Batch, PluginError> {
        let settings: Settings = context.settings()?;
        let position: Cursor = cursor::read(cursor)?;
        let url =
            format!("{}/things?page={}", settings.base_url.trim_end_matches('/'), position.page);
        let answer: Answer = Request::get(url)
            .secret_header("x-api-key", "api_key")
            .send(host)?
            .success(host)?
            .json()?;

        let records = answer
            .things
            .iter()
            .map(|thing| Ok(RawRecord::json(KIND, &thing.id, thing)?.revision(&thing.version)));
        let next = Cursor { page: if answer.last { position.page } else { position.page + 1 } };
        Ok(Batch {
            records: records.collect::<Result<_, PluginError>>()?,
            next_cursor: cursor::write(&next)?,
            more: !answer.last,
            next_sync_after: None,
        })
    }
}

sovereign_plugin::export_connector!(Template);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sovereign_plugin::testing::{Answer, ScriptedHost, connector_context};
    use sovereign_plugin::{Connector, PluginError};

    use super::Template;

    const PAGE: &str = "https://things.example/things?page=0";

    #[test]
    fn a_page_becomes_records() {
        let host = ScriptedHost::new();
        let page = json!({"things": [{"id": "1", "version": "a", "colour": "red"}], "last": true});
        host.on("GET", PAGE, Answer::status(200).json(&page));
        let context = connector_context(&json!({"base_url": "https://things.example/"}));
        let batch = Template::sync(&host, &context, None).unwrap();
        assert_eq!(batch.records[0].external_id, "1");
        assert!(!batch.more);
    }

    #[test]
    fn a_refused_key_asks_the_person() {
        let host = ScriptedHost::new();
        host.on("GET", PAGE, Answer::status(401));
        let context = connector_context(&json!({"base_url": "https://things.example"}));
        let outcome = Template::sync(&host, &context, None);
        assert!(matches!(outcome, Err(PluginError::Unauthorized(_))));
    }
}
