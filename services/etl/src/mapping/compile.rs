//! From what is written to what runs: paths are read, names checked, limits kept.

use std::collections::BTreeMap;

use contracts::access::SpaceId;
use contracts::input::has_nul;
use contracts::model::{TYPES, check_labels, check_rel};
use serde_json::Value;

use super::document::{
    AliasRule, Condition, EdgeRule, EntityRule, KeyRule, MappingDocument, Rule, Scheme, Source,
    Transform, Transforms,
};
use super::path::Path;
use super::template::{self, Piece};

/// Most entities that a mapping makes of a record, by its rules.
const MOST_ENTITIES: usize = 8;
/// Most properties, and most edge rules, of an entity.
const MOST_PROPERTIES: usize = 100;
const MOST_RELATIONS: usize = 50;
/// How deep values are nested, and most of them in a mapping.
const DEEPEST: usize = 8;
const MOST_VALUES: usize = 1_000;
/// Most lines of a table.
const LONGEST_TABLE: usize = 500;

/// What is wrong with a mapping, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct MappingError(String);

impl MappingError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    fn at(self, place: &str) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

/// A mapping, ready to run.
#[derive(Clone, Debug)]
pub(crate) struct Mapping {
    pub(crate) name: String,
    pub(crate) version: u32,
    /// The kind of record that it takes.
    pub(crate) kind: String,
    pub(super) entities: Vec<Entity>,
}

#[derive(Clone, Debug)]
pub(super) struct Entity {
    pub(super) class: String,
    pub(super) class_when: Vec<(String, Check)>,
    pub(super) each: Option<Path>,
    pub(super) when: Option<Check>,
    pub(super) key: Option<Key>,
    pub(super) space: Option<SpaceId>,
    pub(super) labels: Vec<String>,
    pub(super) properties: Vec<(String, Expression)>,
    pub(super) aliases: Vec<AnAlias>,
    pub(super) edges: Vec<Edge>,
    pub(super) valid_from: Option<Expression>,
    pub(super) valid_to: Option<Expression>,
}

#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) kind: String,
    pub(super) id: Expression,
}

#[derive(Clone, Debug)]
pub(super) struct AnAlias {
    pub(super) scheme: Scheme,
    pub(super) value: Expression,
}

#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) rel: String,
    pub(super) each: Option<Path>,
    pub(super) when: Option<Check>,
    pub(super) to: To,
    pub(super) props: Vec<(String, Expression)>,
    pub(super) confidence: f32,
}

#[derive(Clone, Debug)]
pub(super) enum To {
    Key(Key),
    Alias(AnAlias),
}

#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) path: Path,
    pub(super) is: Option<Value>,
    pub(super) starts_with: Option<String>,
    pub(super) exists: Option<bool>,
}

/// A value, ready to be found.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    pub(super) what: What,
    pub(super) each: Option<Path>,
    pub(super) when: Option<Check>,
    pub(super) transforms: Vec<Transform>,
    pub(super) zone: Option<Path>,
    pub(super) plus: Option<Path>,
    pub(super) table: Option<BTreeMap<String, Value>>,
    pub(super) default: Option<Value>,
    pub(super) required: bool,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Path(Path),
    Constant(Value),
    Template(Vec<Piece>),
    Concat(Vec<Expression>, Option<String>),
    FirstOf(Vec<Expression>),
    Object(Vec<(String, Expression)>),
}

impl Mapping {
    /// Compiles a mapping; `version` is the one that it is kept under.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub(crate) fn compile(document: &MappingDocument, version: u32) -> Result<Self, MappingError> {
        check_name(&document.mapping)?;
        check_kind(&document.record)?;
        let described = document.description.as_deref().unwrap_or_default();
        if described.len() > 1_000 || described.contains('\0') {
            return Err(MappingError::new(
                "`description` has at most 1000 bytes, none of them NUL",
            ));
        }
        if document.entities.is_empty() || document.entities.len() > MOST_ENTITIES {
            return Err(MappingError::new(format!("`entities` must be 1 to {MOST_ENTITIES}")));
        }
        let mut compiler = Compiler { values: 0 };
        let mut entities = Vec::with_capacity(document.entities.len());
        for (place, rule) in document.entities.iter().enumerate() {
            let entity = compiler.entity(rule, place == 0);
            entities.push(entity.map_err(|error| error.at(&format!("entities[{place}]")))?);
        }
        Ok(Self {
            name: document.mapping.clone(),
            version,
            kind: document.record.clone(),
            entities,
        })
    }

    /// Its name and version, as provenance says it.
    pub(crate) fn label(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

fn check_name(name: &str) -> Result<(), MappingError> {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let fits = (1..=64).contains(&name.len())
        && name.bytes().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric());
    match fits {
        true => Ok(()),
        false => Err(MappingError::new(
            "`mapping` must be 1 to 64 of a-z, 0-9, `.`, `_`, `-`, and begin with a letter or digit",
        )),
    }
}

fn check_kind(kind: &str) -> Result<(), MappingError> {
    let fits = kind.len() <= 100
        && kind.split_once('/').is_some_and(|(kind, form)| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            !kind.is_empty()
                && kind.bytes().all(plain)
                && (1..=4).contains(&form.len())
                && form.bytes().all(|byte| byte.is_ascii_digit())
        });
    match fits {
        true => Ok(()),
        false => Err(MappingError::new(
            "`record` must be a kind with the version of its form, such as `calendar.event/1`",
        )),
    }
}

struct Compiler {
    values: usize,
}

impl Compiler {
    fn entity(&mut self, rule: &EntityRule, is_main: bool) -> Result<Entity, MappingError> {
        if is_main && (rule.each.is_some() || rule.when.is_some() || rule.key.is_some()) {
            return Err(MappingError::new(
                "the first entity is the record's own: it has no `each`, no `when` and no `key`",
            ));
        }
        if !is_main && rule.key.is_none() {
            return Err(MappingError::new("every entity but the first needs a `key`"));
        }
        if rule.properties.is_empty() {
            return Err(MappingError::new("`properties` must not be empty"));
        }
        if rule.properties.len() > MOST_PROPERTIES {
            return Err(MappingError::new(format!(
                "`properties` must be {MOST_PROPERTIES} at most"
            )));
        }
        if rule.edges.len() > MOST_RELATIONS || rule.aliases.len() > MOST_RELATIONS {
            return Err(MappingError::new(format!(
                "`edges` and `aliases` must be {MOST_RELATIONS} at most"
            )));
        }
        check_class(&rule.r#type)?;
        check_labels(&rule.labels).map_err(|error| MappingError::new(error.to_string()))?;
        let space = match &rule.space {
            None => None,
            Some(space) => {
                Some(space.parse().map_err(|error: contracts::access::UnreadableSpace| {
                    MappingError::new(error.to_string())
                })?)
            }
        };
        let class_when = rule
            .type_when
            .iter()
            .take(MOST_RELATIONS)
            .map(|case| {
                check_class(&case.r#type)?;
                Ok((case.r#type.clone(), check(&case.when)?))
            })
            .collect::<Result<_, MappingError>>()?;
        let time = |compiler: &mut Self, name: &str, source: &Option<Source>| match source {
            None => Ok(None),
            Some(source) => compiler.value(source, 1).map(Some).map_err(|error| error.at(name)),
        };
        Ok(Entity {
            class: rule.r#type.clone(),
            class_when,
            each: optional_path(rule.each.as_deref())?,
            when: rule.when.as_ref().map(check).transpose()?,
            key: rule.key.as_ref().map(|key| self.key(key)).transpose()?,
            space,
            labels: rule.labels.clone(),
            properties: self.members(&rule.properties, 1)?,
            aliases: rule
                .aliases
                .iter()
                .map(|alias| self.alias(alias).map_err(|error| error.at("aliases")))
                .collect::<Result<_, _>>()?,
            edges: rule
                .edges
                .iter()
                .map(|edge| self.edge(edge).map_err(|error| error.at("edges")))
                .collect::<Result<_, _>>()?,
            valid_from: time(self, "valid_from", &rule.valid_from)?,
            valid_to: time(self, "valid_to", &rule.valid_to)?,
        })
    }

    fn key(&mut self, rule: &KeyRule) -> Result<Key, MappingError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !(1..=100).contains(&rule.kind.len()) || !rule.kind.bytes().all(plain) {
            return Err(MappingError::new(
                "a key's `kind` must be 1 to 100 letters, digits, `.`, `_`, `-`",
            ));
        }
        Ok(Key { kind: rule.kind.clone(), id: self.value(&rule.id, 1)? })
    }

    fn alias(&mut self, rule: &AliasRule) -> Result<AnAlias, MappingError> {
        Ok(AnAlias { scheme: rule.scheme, value: self.value(&rule.value, 1)? })
    }

    fn edge(&mut self, rule: &EdgeRule) -> Result<Edge, MappingError> {
        check_rel(&rule.rel).map_err(|error| MappingError::new(error.to_string()))?;
        let to = match (&rule.key, &rule.alias) {
            (Some(key), None) => To::Key(self.key(key)?),
            (None, Some(alias)) => To::Alias(self.alias(alias)?),
            _ => return Err(MappingError::new("an edge leads to either a `key` or an `alias`")),
        };
        let confidence = rule.confidence.unwrap_or(1.0);
        if !(confidence > 0.0 && confidence <= 1.0) {
            return Err(MappingError::new("`confidence` must be above 0 and at most 1"));
        }
        Ok(Edge {
            rel: rule.rel.clone(),
            each: optional_path(rule.each.as_deref())?,
            when: rule.when.as_ref().map(check).transpose()?,
            to,
            props: self.members(&rule.props, 1)?,
            confidence,
        })
    }

    fn members(
        &mut self,
        members: &BTreeMap<String, Source>,
        depth: usize,
    ) -> Result<Vec<(String, Expression)>, MappingError> {
        if members.len() > MOST_PROPERTIES {
            return Err(MappingError::new(format!(
                "there are more than {MOST_PROPERTIES} members"
            )));
        }
        let mut compiled = Vec::with_capacity(members.len());
        for (name, source) in members {
            if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
                return Err(MappingError::new(
                    "names of properties have 1 to 100 bytes, and none that control anything",
                ));
            }
            let value = self.value(source, depth).map_err(|error| error.at(name))?;
            compiled.push((name.clone(), value));
        }
        Ok(compiled)
    }

    fn value(&mut self, source: &Source, depth: usize) -> Result<Expression, MappingError> {
        self.values += 1;
        if depth > DEEPEST || self.values > MOST_VALUES {
            return Err(MappingError::new(format!(
                "values are nested {DEEPEST} deep at most, and {MOST_VALUES} in all"
            )));
        }
        match source {
            Source::Path(path) => Ok(Expression::of(What::Path(Path::parse(path)?))),
            Source::Rule(rule) => self.rule(rule, depth),
        }
    }

    fn rule(&mut self, rule: &Rule, depth: usize) -> Result<Expression, MappingError> {
        let mut found = Vec::new();
        if let Some(path) = &rule.path {
            found.push(What::Path(Path::parse(path)?));
        }
        if let Some(constant) = &rule.constant {
            found.push(What::Constant(storable(constant)?));
        }
        if let Some(text) = &rule.template {
            found.push(What::Template(template::parse(text)?));
        }
        if let Some(parts) = &rule.concat {
            let separator = rule.separator.clone();
            if separator.as_ref().is_some_and(|text| text.len() > 20 || text.contains('\0')) {
                return Err(MappingError::new("`separator` has 20 bytes at most"));
            }
            found.push(What::Concat(self.values(parts, depth)?, separator));
        }
        if let Some(parts) = &rule.first_of {
            found.push(What::FirstOf(self.values(parts, depth)?));
        }
        if let Some(members) = &rule.object {
            found.push(What::Object(self.members(members, depth + 1)?));
        }
        let (Some(what), None) = (found.pop(), found.pop()) else {
            return Err(MappingError::new(
                "a value has exactly one of `path`, `constant`, `template`, `concat`, `first_of`, `object`",
            ));
        };
        if rule.separator.is_some() && rule.concat.is_none() {
            return Err(MappingError::new("`separator` belongs to `concat`"));
        }
        let transforms = match &rule.transforms {
            None => Vec::new(),
            Some(Transforms::One(one)) => vec![*one],
            Some(Transforms::Many(many)) => many.clone(),
        };
        if transforms.len() > 8 {
            return Err(MappingError::new("`as` has 8 transforms at most"));
        }
        if rule.zone.is_some() && !transforms.contains(&Transform::Datetime) {
            return Err(MappingError::new("`zone` belongs to `as: datetime`"));
        }
        let is_time = |one: &Transform| matches!(one, Transform::Datetime | Transform::Date);
        if rule.plus_seconds.is_some() && !transforms.iter().any(is_time) {
            return Err(MappingError::new("`plus_seconds` belongs to `as: datetime` or `date`"));
        }
        let table = match &rule.table {
            Some(table) if table.len() > LONGEST_TABLE => {
                return Err(MappingError::new(format!(
                    "`table` has {LONGEST_TABLE} lines at most"
                )));
            }
            Some(table) => Some(
                table
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), storable(value)?)))
                    .collect::<Result<_, MappingError>>()?,
            ),
            None => None,
        };
        Ok(Expression {
            what,
            each: optional_path(rule.each.as_deref())?,
            when: rule.when.as_ref().map(check).transpose()?,
            transforms,
            zone: optional_path(rule.zone.as_deref())?,
            plus: optional_path(rule.plus_seconds.as_deref())?,
            table,
            default: rule.default.as_ref().map(storable).transpose()?,
            required: rule.required,
        })
    }

    fn values(&mut self, parts: &[Source], depth: usize) -> Result<Vec<Expression>, MappingError> {
        if parts.is_empty() || parts.len() > 20 {
            return Err(MappingError::new("`concat` and `first_of` have 1 to 20 parts"));
        }
        parts.iter().map(|part| self.value(part, depth + 1)).collect()
    }
}

impl Expression {
    fn of(what: What) -> Self {
        Self {
            what,
            each: None,
            when: None,
            transforms: Vec::new(),
            zone: None,
            plus: None,
            table: None,
            default: None,
            required: false,
        }
    }
}

fn check_class(class: &str) -> Result<(), MappingError> {
    if TYPES.contains(&class) {
        return Ok(());
    }
    let shown: String = class.chars().take(40).collect();
    Err(MappingError::new(format!("{shown:?} is none of the model's types")))
}

fn optional_path(path: Option<&str>) -> Result<Option<Path>, MappingError> {
    path.map(Path::parse).transpose()
}

fn check(condition: &Condition) -> Result<Check, MappingError> {
    if condition.is.is_none() && condition.starts_with.is_none() && condition.exists.is_none() {
        return Err(MappingError::new("`when` needs one of `is`, `starts_with`, `exists`"));
    }
    Ok(Check {
        path: Path::parse(&condition.path)?,
        is: condition.is.clone(),
        starts_with: condition.starts_with.clone(),
        exists: condition.exists,
    })
}

/// A value that a person writes into a mapping, as it can be kept: without NUL.
fn storable(value: &Value) -> Result<Value, MappingError> {
    if has_nul(value) {
        return Err(MappingError::new("a value must be without the character NUL"));
    }
    Ok(value.clone())
}
