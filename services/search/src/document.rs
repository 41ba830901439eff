//! What is searched of an entity: a pure function of its version.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use contracts::access::SpaceId;
use contracts::events::data::EntityVersion;
use serde_json::{Map, Value};
use uuid::Uuid;

/// The longest title, in characters.
const TITLE: usize = 300;
/// The longest text: what is beyond is not searched.
const TEXT: usize = 20_000;
/// The longest name, keyword and address.
const NAME: usize = 200;
/// The most people, and the most keywords.
const NAMES: usize = 60;
/// The longest web address.
const URL: usize = 2_000;
/// How deep properties are looked into.
const DEPTH: usize = 4;

/// Elements within which words go on.
const INLINE: &[&str] = &["a", "b", "i", "em", "strong", "span", "u", "sup", "sub", "code", "mark"];

/// Properties whose first one with a text names the thing (schema.org).
const TITLES: &[&str] = &["name", "headline", "subject", "title", "legalName", "alternateName"];
/// Properties that hold what it says.
const TEXTS: &[&str] = &[
    "description",
    "articleBody",
    "text",
    "abstract",
    "body",
    "reviewBody",
    "caption",
    "transcript",
    "comment",
    "note",
    "disambiguatingDescription",
    "recipeInstructions",
    "recipeIngredient",
    "address",
    "location",
    "contentLocation",
    "itemListElement",
    "orderedItem",
];
/// Properties that hold people and organisations.
const PEOPLE: &[&str] = &[
    "author",
    "creator",
    "editor",
    "publisher",
    "sender",
    "recipient",
    "toRecipient",
    "ccRecipient",
    "attendee",
    "organizer",
    "performer",
    "participant",
    "agent",
    "contributor",
    "member",
    "customer",
    "seller",
    "broker",
    "provider",
    "worksFor",
    "byArtist",
    "givenName",
    "familyName",
    "additionalName",
    "from",
    "to",
];
/// Properties that hold key words.
const KEYWORDS: &[&str] = &[
    "keywords",
    "category",
    "categories",
    "genre",
    "jobTitle",
    "about",
    "tag",
    "identifier",
    "sku",
    "confirmationNumber",
    "orderNumber",
    "reservationId",
    "telephone",
    "email",
    "department",
];
/// Properties that say when it happens, the most telling first.
const TIMES: &[&str] = &[
    "startDate",
    "dateReceived",
    "dateSent",
    "datePublished",
    "startTime",
    "orderDate",
    "dateCreated",
    "departureTime",
    "dueDate",
    "endDate",
    "uploadDate",
    "dateModified",
];

/// What is searched of an entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The entity.
    pub id: Uuid,
    /// Its version.
    pub version: u32,
    /// Its type.
    pub r#type: String,
    /// Where it is: what policy is about.
    pub space: SpaceId,
    /// Its labels, all of them: some hide it.
    pub labels: Vec<String>,
    /// What it is called.
    pub title: String,
    /// What it says, as plain text.
    pub text: String,
    /// Who has to do with it.
    pub people: Vec<String>,
    /// Key words, numbers and addresses by which it is looked for.
    pub keywords: Vec<String>,
    /// When it happens in the world.
    pub when: Option<DateTime<Utc>>,
    /// Its web address.
    pub url: Option<String>,
    /// Its language, where it says so: ISO 639, such as `de`.
    pub language: Option<String>,
    /// Since when this version is known.
    pub recorded_at: DateTime<Utc>,
}

impl Document {
    /// The document of an entity's version.
    pub fn of(entity: &EntityVersion) -> Self {
        let data = &entity.data;
        let mut text = String::new();
        for piece in TEXTS.iter().flat_map(|name| texts_of(data.get(*name))) {
            if text.len() > TEXT * 4 {
                break;
            }
            append(&mut text, &plain(&piece));
        }
        let text = shortened(&text, TEXT);
        let people = collected(data, PEOPLE);
        let named = TITLES.iter().find_map(|name| first_text(data.get(*name)));
        let title = named.unwrap_or_else(|| match people.is_empty() {
            false if text.is_empty() => people.join(" "),
            _ => text.lines().next().unwrap_or_default().chars().take(80).collect(),
        });
        let mut keywords = collected(data, KEYWORDS);
        for alias in &entity.aliases {
            push_name(&mut keywords, &alias.value);
        }
        Self {
            id: entity.entity,
            version: entity.version,
            r#type: clean(&entity.r#type),
            space: entity.space.clone(),
            // As they are: what may be seen is decided by them.
            labels: entity.labels.iter().map(|label| label.replace('\0', "\u{fffd}")).collect(),
            title: shortened(&plain(&title), TITLE),
            text,
            people,
            keywords,
            when: TIMES
                .iter()
                .find_map(|name| data.get(*name).and_then(Value::as_str).and_then(time_of))
                .or(entity.valid_from)
                .filter(is_storable),
            url: data
                .get("url")
                .and_then(Value::as_str)
                .filter(|url| url.len() <= URL && !url.chars().any(char::is_control))
                .filter(|url| url.starts_with("https://") || url.starts_with("http://"))
                .map(str::to_owned),
            language: data.get("inLanguage").and_then(language_of),
            recorded_at: entity.recorded_at,
        }
    }
}

/// All texts in a value: a text, a list of them, or things with names and texts.
fn texts_of(value: Option<&Value>) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(value) = value {
        gather(value, DEPTH, &mut found);
    }
    found
}

fn gather(value: &Value, depth: usize, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(items) if depth > 0 => {
            items.iter().take(NAMES).for_each(|item| gather(item, depth - 1, found));
        }
        Value::Object(properties) if depth > 0 => {
            for (name, value) in properties {
                // What only tells machines something: types, ids, coordinates.
                let technical =
                    name.starts_with('@') || matches!(name.as_str(), "type" | "id" | "geo");
                if !technical {
                    gather(value, depth - 1, found);
                }
            }
        }
        _ => {}
    }
}

fn first_text(value: Option<&Value>) -> Option<String> {
    texts_of(value).into_iter().find(|text| !text.trim().is_empty())
}

fn collected(data: &Map<String, Value>, names: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for name in names {
        for text in texts_of(data.get(*name)) {
            if *name == "keywords" {
                text.split([',', ';']).for_each(|word| push_name(&mut found, word));
            } else {
                push_name(&mut found, &text);
            }
        }
    }
    found
}

fn push_name(names: &mut Vec<String>, name: &str) {
    let name = shortened(&plain(name), NAME);
    if !name.is_empty() && names.len() < NAMES && !names.contains(&name) {
        names.push(name);
    }
}

fn append(text: &mut String, piece: &str) {
    if piece.is_empty() {
        return;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(piece);
}

/// At most so many characters.
fn shortened(text: &str, most: usize) -> String {
    text.chars().take(most).collect::<String>().trim().to_owned()
}

/// Without what no database keeps and what our marks of matches use.
fn clean(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\t' => character,
            '\u{e000}'..='\u{e003}' => ' ',
            character if character.is_control() => ' ',
            character => character,
        })
        .collect()
}

/// Plain text of what may be HTML: tags are left out, entities are what they stand for. What comes out is
/// text, never markup: whoever shows it escapes it.
fn plain(text: &str) -> String {
    let text = if text.contains('<') { without_tags(text) } else { text.to_owned() };
    let text = match text.contains('&') {
        true => html_escape::decode_html_entities(&text).into_owned(),
        false => text,
    };
    clean(&text).trim().to_owned()
}

/// In one pass, however the tags are written: the text comes from anywhere.
fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    // Beyond the last `>` nothing is a tag.
    let (mut rest, beyond) = text.split_at(text.rfind('>').map_or(0, |end| end + 1));
    while let Some(at) = rest.find('<') {
        plain.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let is_tag =
            after.starts_with(|next: char| next.is_ascii_alphabetic() || "/!?".contains(next));
        let end = if is_tag { after.find('>') } else { None };
        let Some(end) = end else {
            plain.push('<');
            rest = after;
            continue;
        };
        let name = after[..end].trim_start_matches('/');
        let name = name.split(|next: char| !next.is_ascii_alphanumeric()).next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        rest = &after[end + 1..];
        // What they hold is no text.
        if matches!(name.as_str(), "script" | "style") && !after.starts_with('/') {
            match closing(rest, &name) {
                Some(at) => rest = &rest[at..],
                None => return plain,
            }
        }
        if !INLINE.contains(&name.as_str()) {
            plain.push(' ');
        }
    }
    plain.push_str(rest);
    plain.push_str(beyond);
    plain
}

/// Where the closing tag of this name begins.
fn closing(text: &str, name: &str) -> Option<usize> {
    let is_it = |at: &usize| {
        let begin = text[at + 2..].get(..name.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(name))
    };
    text.match_indices("</").map(|(at, _)| at).find(is_it)
}

/// A time as RFC 3339, a local one (taken as UTC), or a day.
fn time_of(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&Utc));
    }
    for form in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, form) {
            return Some(time.and_utc());
        }
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .map(|day| day.and_time(NaiveTime::MIN).and_utc())
}

/// Whether every adapter keeps such a time: years from 1 to 9999.
pub(crate) fn is_storable(time: &DateTime<Utc>) -> bool {
    (1..=9_999).contains(&time.year())
}

fn language_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::Object(language) => language.get("alternateName").or(language.get("identifier"))?,
        value => value,
    };
    let primary = text.as_str()?.split(['-', '_']).next()?.to_ascii_lowercase();
    let is_code =
        (2..=3).contains(&primary.len()) && primary.bytes().all(|b| b.is_ascii_lowercase());
    is_code.then_some(primary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entity(r#type: &str, data: Value) -> EntityVersion {
        EntityVersion {
            entity: Uuid::nil(),
            version: 3,
            r#type: r#type.to_owned(),
            space: SpaceId::household(),
            data: data.as_object().cloned().unwrap_or_default(),
            labels: vec!["health".to_owned()],
            aliases: Vec::new(),
            keys: Vec::new(),
            valid_from: None,
            valid_to: None,
            recorded_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn an_event_is_found_by_its_name_place_and_guests() {
        let document = Document::of(&entity(
            "Event",
            json!({
                "name": "Dentist", "startDate": "2026-11-26T09:00:00+01:00", "inLanguage": "en-GB",
                "location": {"@type": "Place", "name": "Practice Meier", "geo": {"latitude": 48.2}},
                "attendee": [{"name": "Anna", "email": "anna@example.org"}, "Ben"],
                "keywords": "teeth, check-up"
            }),
        ));
        assert_eq!(
            (document.title.as_str(), document.text.as_str()),
            ("Dentist", "Practice Meier")
        );
        for name in ["anna@example.org", "Anna", "Ben"] {
            assert!(document.people.iter().any(|known| known == name), "{name}");
        }
        assert_eq!(document.keywords, ["teeth", "check-up"]);
        assert_eq!(document.when.unwrap().to_rfc3339(), "2026-11-26T08:00:00+00:00");
        assert_eq!(document.language.as_deref(), Some("en"));
        assert_eq!(document.labels, ["health"]);
    }

    #[test]
    fn html_becomes_text_and_sizes_are_bounded() {
        let document = Document::of(&entity(
            "Article",
            json!({
                "headline": "A &amp; B\u{0}",
                "articleBody": format!("<p>On<b>e</b></p><script>x<y</script>2 < 3{}", "z".repeat(50_000)),
                "url": "javascript:alert(1)",
            }),
        ));
        assert_eq!(document.title, "A & B");
        assert!(document.text.starts_with("One") && document.text.contains("2 < 3"));
        assert!(!document.text.contains("x<y"));
        assert_eq!(document.text.chars().count(), TEXT);
        assert_eq!(document.url, None);
    }

    #[test]
    fn hostile_html_takes_no_longer_than_other_text() {
        let started = std::time::Instant::now();
        for piece in ["<a", "< ", "<script></script>", "<style>", "</", "&amp", "<!--", "<script>"]
        {
            for end in ["", ">"] {
                let text = piece.repeat((512 << 10) / piece.len()) + end;
                Document::of(&entity("Article", json!({"articleBody": text, "name": text})));
            }
        }
        // Looking at all that follows for each tag took minutes.
        assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
        assert_eq!(without_tags("a<SCRIPT>x<y</scrıpt></Script >b<br>c < d"), "a  b c < d");
        assert_eq!(without_tags("<style>p{}"), "");
    }

    #[test]
    fn labels_stay_as_they_are_for_those_who_decide_by_them() {
        let mut private = entity("Thing", json!({"name": "x"}));
        private.labels = vec!["odd\u{e000}label".to_owned(), "health".to_owned()];
        assert_eq!(Document::of(&private).labels, private.labels);
    }

    #[test]
    fn what_has_no_name_is_called_by_what_it_says() {
        let message = Document::of(&entity("Message", json!({"text": "See you at nine\nBye"})));
        assert_eq!(message.title, "See you at nine");
        let nested = json!({"name": [[[[[["too deep"]]]]]]});
        assert_eq!(Document::of(&entity("Thing", nested)).title, "");
    }
}
