//! What a document must be like beyond its shape: lengths, names, numbers.

use std::fmt::Display;

use super::{Action, JobAction, RuleDocument};

/// Everything that is wrong with a document's lengths and names, the first of it; what is wrong with its
/// expressions is found when they are compiled.
///
/// # Errors
/// What is wrong and where, in words for people.
pub fn check(document: &RuleDocument) -> Result<(), String> {
    length("name", &document.name, 1, 200)?;
    if document.name.trim().is_empty() {
        return Err("`name` is empty".to_owned());
    }
    length("description", document.description.as_deref().unwrap_or_default(), 0, 2_000)?;
    number("on", document.on.len(), 0, 16)?;
    if document.on.is_empty() && document.schedule.is_none() {
        return Err("a rule needs `on` or `schedule`: nothing would ever trigger it".to_owned());
    }
    for trigger in &document.on {
        event_type(&trigger.r#type)?;
        number("where", trigger.guards.len(), 0, 16)?;
    }
    number("let", document.bindings.len(), 0, 16)?;
    for name in document.bindings.keys() {
        binding_name(name)?;
    }
    number("when", document.when.len(), 0, 32)?;
    number("unless", document.unless.len(), 0, 16)?;
    number("do", document.actions.len(), 1, 16)?;
    for action in &document.actions {
        check_action(action)?;
    }
    number("test", document.tests.len(), 0, 32)?;
    // Postgres keeps any text but for NUL.
    let written = serde_json::to_string(document).map_err(|error| error.to_string())?;
    if written.contains("\\u0000") {
        return Err("a rule cannot hold the character NUL".to_owned());
    }
    Ok(())
}

fn check_action(action: &Action) -> Result<(), String> {
    match action {
        Action::Message(message) => {
            length("text", &message.text, 1, 16_384)?;
            length("subject", message.subject.as_deref().unwrap_or_default(), 0, 4_096)?;
            length("channel", message.channel.as_deref().unwrap_or_default(), 0, 4_096)?;
            length("to", &message.to, 1, 4_096)
        }
        Action::Emit(emit) => {
            length("emit.name", &emit.name, 1, 100)?;
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
            if emit.name.bytes().all(plain)
                && emit.name.starts_with(|c: char| c.is_ascii_alphabetic())
            {
                Ok(())
            } else {
                Err(format!(
                    "{:?} is no name for what a rule says: letters, digits, `_`, `.`, `-`",
                    emit.name
                ))
            }
        }
        Action::Intention(intention) => length("title", &intention.title, 1, 4_096),
        Action::Job(JobAction::WriteEntities(entities)) => {
            number("write_entities", entities.len(), 1, 16)?;
            for entity in entities {
                if !contracts::model::TYPES.contains(&entity.r#type.as_str()) {
                    return Err(format!("{:?} is no type of the model", entity.r#type));
                }
                length("id", &entity.id, 1, 4_096)?;
                number("labels", entity.labels.len(), 0, 16)?;
                number("aliases", entity.aliases.len(), 0, 16)?;
                for label in &entity.labels {
                    length("labels", label, 1, 64)?;
                }
                for scheme in entity.aliases.keys() {
                    length("aliases", scheme, 1, 32)?;
                }
            }
            Ok(())
        }
    }
}

/// Whether this is a type of event, or the beginning of one with `*`.
pub(crate) fn event_type(text: &str) -> Result<(), String> {
    let name = text.strip_suffix('*').unwrap_or(text);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.".contains(&byte);
    let usable = (2..=100).contains(&name.len())
        && name.bytes().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphabetic());
    if usable {
        Ok(())
    } else {
        Err(format!(
            "{:?} is no type of event; say one like `communication.CallStarted.v1` or `communication.*`",
            text.chars().take(120).collect::<String>()
        ))
    }
}

/// What CEL or the rules mean by these already.
const TAKEN: &[&str] = &[
    "event",
    "now",
    "owner",
    "state",
    "state_since",
    "entity",
    "entity_by_alias",
    "count",
    "operator",
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
    "has",
    "all",
    "exists",
    "exists_one",
    "map",
    "filter",
    "size",
    "matches",
    "bool",
    "bytes",
    "double",
    "duration",
    "int",
    "list",
    "null_type",
    "string",
    "timestamp",
    "type",
    "uint",
    "dyn",
    "optional",
    "lower",
    "upper",
];

fn binding_name(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let usable = (1..=40).contains(&name.len())
        && name.bytes().all(plain)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !TAKEN.contains(&name);
    if usable {
        Ok(())
    } else {
        Err(format!(
            "{:?} cannot be a name in `let`: small letters, digits and `_`, and no word that means something already",
            name.chars().take(60).collect::<String>()
        ))
    }
}

fn length(what: &str, text: &str, least: usize, most: usize) -> Result<(), String> {
    within(what, text.chars().count(), least, most, "characters")
}

fn number(what: &str, count: usize, least: usize, most: usize) -> Result<(), String> {
    within(what, count, least, most, "entries")
}

fn within(
    what: &str,
    count: usize,
    least: usize,
    most: usize,
    unit: impl Display,
) -> Result<(), String> {
    if (least..=most).contains(&count) {
        Ok(())
    } else {
        Err(format!("`{what}` has {count} {unit}; it can have {least} to {most}"))
    }
}
