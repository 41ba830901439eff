//! From a record to drafts of entities.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use contracts::access::{Principal, SpaceId};
use contracts::model::{
    Alias, EdgeDraft, EntityDraft, Operation, Provenance, SourceKey, Target, check_alias,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::compile::{AnAlias, Edge, Entity, Expression, Key, Mapping, To};
use super::document::Scheme;
use super::expression::Run;
use super::path::Scope;
use crate::normal::{self, Phones};

/// Most entities of one record.
const MOST_ENTITIES: usize = 500;
/// Most edges and aliases of one entity, as the model has it.
const MOST_EDGES: usize = 1_000;
const MOST_ALIASES: usize = 200;

/// Why a record is refused, in words that hold nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(String);

impl Refused {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// What is known of a record beside its content.
#[derive(Clone, Debug)]
pub(crate) struct RecordFacts {
    pub(crate) account: Uuid,
    pub(crate) plugin: String,
    pub(crate) kind: String,
    pub(crate) external_id: String,
    pub(crate) space: SpaceId,
    pub(crate) labels: Vec<String>,
    pub(crate) consent: Option<Uuid>,
    pub(crate) revision: Option<String>,
    pub(crate) source_time: Option<DateTime<Utc>>,
    /// SHA-256 of its payload.
    pub(crate) hash: Vec<u8>,
    pub(crate) event: Option<Uuid>,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mapped {
    pub(crate) drafts: Vec<EntityDraft>,
    /// What was there and could not be read as what it should be: names of properties, `edges`, `aliases`.
    pub(crate) left_out: Vec<String>,
}

/// A kind of record without the version of its form: the kind of its key.
fn main_kind(kind: &str) -> &str {
    kind.split_once('/').map_or(kind, |(kind, _)| kind)
}

/// The key of a record's own entity.
pub(crate) fn record_key(account: Uuid, kind: &str, external_id: String) -> SourceKey {
    let source = format!("connector:{account}");
    SourceKey { source, kind: main_kind(kind).to_owned(), external_id }
}

/// Where an entity belongs: a mapping may keep it closer than its account does, and never shares what the account
/// keeps to fewer; that is its owner's decision. `None`: the wish does not count.
fn place<'a>(account: &'a SpaceId, wished: Option<&'a SpaceId>) -> Option<&'a SpaceId> {
    let Some(wished) = wished else { return Some(account) };
    let is_closer = *account == SpaceId::public()
        || (*account == SpaceId::household() && *wished != SpaceId::public());
    (is_closer || account == wished).then_some(wished)
}

/// What says that the record's entity is gone. It names no content: there is none. The mapping only says what kind
/// of thing it was.
///
/// # Errors
/// The record cannot be the key of anything.
pub(crate) fn deletion(
    facts: &RecordFacts,
    mapping: Option<&Mapping>,
) -> Result<EntityDraft, Refused> {
    let main = mapping.and_then(|mapping| mapping.entities.first());
    let wished = main.and_then(|main| main.space.as_ref());
    let draft = EntityDraft {
        key: record_key(facts.account, &facts.kind, facts.external_id.clone()),
        operation: Operation::Delete,
        r#type: main.map_or("Thing", |main| main.class.as_str()).to_owned(),
        space: place(&facts.space, wished).unwrap_or(&facts.space).clone(),
        data: Map::new(),
        labels: Vec::new(),
        aliases: Vec::new(),
        edges: Vec::new(),
        valid_from: None,
        valid_to: None,
        provenance: facts.provenance(mapping, None),
    };
    draft.check().map_err(|error| Refused::new(error.to_string()))?;
    Ok(draft)
}

impl RecordFacts {
    fn key(&self, kind: &str, external_id: String) -> SourceKey {
        SourceKey { kind: kind.to_owned(), ..record_key(self.account, kind, external_id) }
    }

    fn provenance(&self, mapping: Option<&Mapping>, raw: Option<String>) -> Provenance {
        // What a plugin says is kept as far as it can be.
        let kept = |text: &String| text.chars().filter(|c| !c.is_control()).take(200).collect();
        Provenance {
            by: Principal::Plugin(self.plugin.clone()).to_string(),
            revision: self.revision.as_ref().map(kept),
            raw,
            event: self.event,
            mapping: mapping.map(Mapping::label),
            consent: self.consent,
            licence: None,
            source_time: self.source_time,
        }
    }
}

impl Mapping {
    /// The drafts that a record makes.
    ///
    /// # Errors
    /// Why there are none.
    pub(crate) fn drafts(
        &self,
        facts: &RecordFacts,
        payload: &Value,
        phones: &Phones,
    ) -> Result<Mapped, Refused> {
        if !payload.is_object() {
            return Err(Refused::new("the payload is no JSON object"));
        }
        let mut maker = Maker {
            mapping: self,
            facts,
            raw: hex::encode(&facts.hash),
            run: Run::new(phones),
            left_out: BTreeSet::new(),
        };
        let mut drafts = Vec::new();
        let record = Scope { record: payload, item: payload };
        for (place, entity) in self.entities.iter().enumerate() {
            if place == 0 {
                let draft = maker.main(entity, record)?;
                draft.check().map_err(|error| Refused::new(error.to_string()))?;
                drafts.push(draft);
                continue;
            }
            for item in maker.items(entity.each.as_ref(), record)? {
                if drafts.len() >= MOST_ENTITIES {
                    maker.left_out.insert("entities".to_owned());
                    break;
                }
                let Some(draft) = maker.other(entity, Scope { item, ..record })? else { continue };
                match draft.check() {
                    Ok(()) => drafts.push(draft),
                    Err(_) => {
                        maker.left_out.insert("entities".to_owned());
                    }
                }
            }
        }
        Ok(Mapped { drafts, left_out: maker.left_out.into_iter().collect() })
    }
}

struct Maker<'a> {
    mapping: &'a Mapping,
    facts: &'a RecordFacts,
    raw: String,
    run: Run<'a>,
    left_out: BTreeSet<String>,
}

impl Maker<'_> {
    fn main(&mut self, entity: &Entity, scope: Scope<'_>) -> Result<EntityDraft, Refused> {
        let facts = self.facts;
        let key = record_key(facts.account, &facts.kind, facts.external_id.clone());
        let draft = self.draft(entity, key, scope)?;
        if draft.data.is_empty() {
            return Err(Refused::new("nothing that the mapping knows has a value in it"));
        }
        Ok(draft)
    }

    fn other(&mut self, entity: &Entity, scope: Scope<'_>) -> Result<Option<EntityDraft>, Refused> {
        if let Some(when) = &entity.when
            && !when.holds(&mut self.run, scope)?
        {
            return Ok(None);
        }
        let Some(key) = &entity.key else { return Ok(None) };
        let Some(key) = self.key(key, scope)? else { return Ok(None) };
        let draft = self.draft(entity, key, scope)?;
        Ok((!draft.data.is_empty()).then_some(draft))
    }

    fn draft(
        &mut self,
        entity: &Entity,
        key: SourceKey,
        scope: Scope<'_>,
    ) -> Result<EntityDraft, Refused> {
        let mut class = &entity.class;
        for (other, when) in &entity.class_when {
            if when.holds(&mut self.run, scope)? {
                class = other;
                break;
            }
        }
        let labels: BTreeSet<&String> = self.facts.labels.iter().chain(&entity.labels).collect();
        let labels = labels.into_iter().cloned().collect();
        let data = self.members(&entity.properties, scope)?;
        let aliases = self.aliases(entity, scope)?;
        let edges = self.edges(entity, scope)?;
        let valid_from = self.time("valid_from", entity.valid_from.as_ref(), scope)?;
        let mut valid_to = self.time("valid_to", entity.valid_to.as_ref(), scope)?;
        // Calendars hold events that end before they begin: where they begin is kept.
        if let (Some(from), Some(to)) = (valid_from, valid_to)
            && to < from
        {
            valid_to = None;
            self.left_out.insert("valid_to".to_owned());
        }
        let space = place(&self.facts.space, entity.space.as_ref());
        if space.is_none() {
            self.left_out.insert("space".to_owned());
        }
        Ok(EntityDraft {
            key,
            operation: Operation::Upsert,
            r#type: class.clone(),
            space: space.unwrap_or(&self.facts.space).clone(),
            data,
            labels,
            aliases,
            edges,
            valid_from,
            valid_to,
            provenance: self.facts.provenance(Some(self.mapping), Some(self.raw.clone())),
        })
    }

    fn items<'v>(
        &mut self,
        each: Option<&super::path::Path>,
        scope: Scope<'v>,
    ) -> Result<Vec<&'v Value>, Refused> {
        let Some(each) = each else { return Ok(vec![scope.item]) };
        let found = self.run.find(each, scope)?;
        let flat = found.into_iter().flat_map(|value| match value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        });
        let items: Vec<&Value> = flat.collect();
        self.run.step(items.len())?;
        Ok(items)
    }

    fn members(
        &mut self,
        members: &[(String, Expression)],
        scope: Scope<'_>,
    ) -> Result<Map<String, Value>, Refused> {
        let mut data = Map::new();
        for (name, expression) in members {
            self.run.lost = false;
            let values = expression.evaluate(&mut self.run, scope);
            let values =
                values.map_err(|refused| Refused::new(format!("`{name}`: {}", refused.0)))?;
            if self.run.lost {
                self.left_out.insert(name.clone());
            }
            if let Some(value) = values.into_value() {
                data.insert(name.clone(), value);
            }
        }
        Ok(data)
    }

    fn key(&mut self, key: &Key, scope: Scope<'_>) -> Result<Option<SourceKey>, Refused> {
        let id = key.id.evaluate(&mut self.run, scope)?.into_text();
        let id = id.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty());
        Ok(id.map(|id| self.facts.key(&key.kind, id)))
    }

    fn alias_values(&mut self, alias: &AnAlias, scope: Scope<'_>) -> Result<Vec<Alias>, Refused> {
        let values = alias.value.evaluate(&mut self.run, scope)?;
        let mut found = Vec::new();
        for value in &values.items {
            let Some(text) = super::transform::as_text(value) else { continue };
            let name = match alias.scheme {
                Scheme::Tel => self.run.phones.read(&text).map(|phone| phone.number),
                Scheme::Email => normal::email(&text),
                Scheme::Url => normal::url(&text),
                Scheme::Uid => normal::line(&text),
                Scheme::Acct => {
                    normal::email(text.trim_start_matches("acct:").trim_start_matches('@'))
                }
            };
            let scheme = match alias.scheme {
                Scheme::Tel => "tel",
                Scheme::Email => "email",
                Scheme::Url => "url",
                Scheme::Uid => "uid",
                Scheme::Acct => "acct",
            };
            let known = name.map(|value| Alias { scheme: scheme.to_owned(), value });
            match known.filter(|alias| check_alias(alias).is_ok()) {
                Some(known) => found.push(known),
                None => {
                    self.left_out.insert("aliases".to_owned());
                }
            }
        }
        Ok(found)
    }

    fn aliases(&mut self, entity: &Entity, scope: Scope<'_>) -> Result<Vec<Alias>, Refused> {
        let mut aliases = BTreeSet::new();
        for alias in &entity.aliases {
            aliases.extend(self.alias_values(alias, scope)?);
        }
        if aliases.len() > MOST_ALIASES {
            self.left_out.insert("aliases".to_owned());
        }
        Ok(aliases.into_iter().take(MOST_ALIASES).collect())
    }

    fn edges(&mut self, entity: &Entity, scope: Scope<'_>) -> Result<Vec<EdgeDraft>, Refused> {
        let mut edges: Vec<EdgeDraft> = Vec::new();
        for edge in &entity.edges {
            for item in self.items(edge.each.as_ref(), scope)? {
                let scope = Scope { item, ..scope };
                if let Some(when) = &edge.when
                    && !when.holds(&mut self.run, scope)?
                {
                    continue;
                }
                for made in self.edge(edge, scope)? {
                    if edges.len() >= MOST_EDGES || made.check().is_err() {
                        self.left_out.insert("edges".to_owned());
                    } else {
                        edges.push(made);
                    }
                }
            }
        }
        // The same relation to the same end is one.
        let mut seen = std::collections::HashSet::new();
        edges.retain(|edge| seen.insert(format!("{} {:?}", edge.rel, edge.to)));
        Ok(edges)
    }

    fn edge(&mut self, edge: &Edge, scope: Scope<'_>) -> Result<Vec<EdgeDraft>, Refused> {
        let ends: Vec<Target> = match &edge.to {
            To::Key(key) => self.key(key, scope)?.map(Target::Key).into_iter().collect(),
            To::Alias(alias) => {
                self.alias_values(alias, scope)?.into_iter().map(Target::Alias).collect()
            }
        };
        if ends.is_empty() {
            return Ok(Vec::new());
        }
        let props = self.members(&edge.props, scope)?;
        // Each of many ends has a copy of them.
        self.run.spend_copies(&props, ends.len() - 1)?;
        Ok(ends
            .into_iter()
            .map(|to| EdgeDraft {
                rel: edge.rel.clone(),
                to,
                props: props.clone(),
                confidence: edge.confidence,
            })
            .collect())
    }

    fn time(
        &mut self,
        name: &str,
        expression: Option<&Expression>,
        scope: Scope<'_>,
    ) -> Result<Option<DateTime<Utc>>, Refused> {
        let Some(expression) = expression else { return Ok(None) };
        self.run.lost = false;
        let text = expression.evaluate(&mut self.run, scope)?.into_text();
        let time = text.as_deref().map(|text| normal::moment(text, None));
        if self.run.lost || time == Some(None) {
            self.left_out.insert(name.to_owned());
        }
        Ok(time.flatten().map(normal::Moment::instant))
    }
}
