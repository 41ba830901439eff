//! Trying a mapping on a record: nothing is kept of it.

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, SpaceId};
use contracts::api::Body;
use contracts::model::EntityDraft;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spine::Problem;
use utoipa::ToSchema;
use uuid::Uuid;

use super::may_read_mapping;
use super::problems::OfBodies;
use crate::mapping::{LONGEST_DOCUMENT, MappingDocument, RecordFacts};
use crate::{Etl, EtlError, mappings, record};

/// The longest payload that is tried.
const LONGEST: usize = 1 << 20;

/// A mapping and a record.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Trial {
    /// The mapping, as `GET /mappings/schema` describes it.
    #[schema(value_type = Object)]
    mapping: Value,
    /// The record.
    record: TrialRecord,
}

/// A record to try a mapping on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TrialRecord {
    /// Its id at the source.
    #[serde(default)]
    #[schema(max_length = 2000)]
    external_id: Option<String>,
    /// What it holds.
    #[schema(value_type = Object)]
    payload: Value,
}

/// What would become of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TrialOutcome {
    /// The entities.
    drafts: Vec<EntityDraft>,
    /// What is there and cannot be read as what it should be: names of properties, `aliases`, `edges`, `entities`.
    left_out: Vec<String>,
    /// Why it would be refused.
    refused: Option<String>,
}

/// What a mapping would make of a record. Nothing is kept.
#[utoipa::path(
    post,
    path = "/mappings/try",
    operation_id = "try_mapping",
    tag = "etl",
    request_body = Trial,
    responses((status = 200, body = TrialOutcome), OfBodies)
)]
pub(super) async fn try_mapping(
    access: Access,
    State(etl): State<Etl>,
    Body(trial): Body<Trial>,
) -> Result<Json<TrialOutcome>, Problem> {
    may_read_mapping(&access, "*")?;
    // Its size as text, so that a trial costs no more than a saved mapping.
    if trial.mapping.to_string().len() > LONGEST_DOCUMENT {
        return Err(EtlError::TooLarge.into());
    }
    let text = trial.record.payload.to_string();
    if text.len() > LONGEST {
        let words = "`payload` has 1 MiB at most";
        return Err(Problem::unprocessable("too-large", words));
    }
    let document: MappingDocument = serde_json::from_value(trial.mapping)
        .map_err(|error| EtlError::UnusableMapping(error.to_string()))?;
    let mapping = mappings::checked(&document, 0)?;
    let space = access.caller().responsible().map_or_else(SpaceId::household, SpaceId::of_person);
    let facts = RecordFacts {
        account: Uuid::nil(),
        plugin: "trial".to_owned(),
        kind: mapping.kind.clone(),
        external_id: trial.record.external_id.unwrap_or_else(|| "trial".to_owned()),
        space,
        labels: Vec::new(),
        consent: None,
        revision: None,
        source_time: None,
        hash: record::hash(&text),
        event: None,
    };
    let phones = etl.0.phones.clone();
    let payload = trial.record.payload;
    let tried = tokio::task::spawn_blocking(move || mapping.drafts(&facts, &payload, &phones));
    let outcome = match tried.await.map_err(EtlError::from)? {
        Ok(mapped) => {
            TrialOutcome { drafts: mapped.drafts, left_out: mapped.left_out, refused: None }
        }
        Err(refused) => TrialOutcome {
            drafts: Vec::new(),
            left_out: Vec::new(),
            refused: Some(refused.to_string()),
        },
    };
    Ok(Json(outcome))
}
