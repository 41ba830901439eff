//! Raw records: what came, and what became of it. Who may not see what becomes of a record may not see the record.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use contracts::access::{Access, Resource, SpaceId, UnreadableSpace, actions};
use contracts::api::{Page, PageQuery, Path, Query};
use contracts::model::Operation;
use serde::{Deserialize, Serialize};
use spine::{Problem, Snowflake};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::problems::{OfLists, OfOne};
use crate::store::records::{self as stored, RecordFilter, RecordRow};
use crate::{Etl, record};

/// What became of a record.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RecordState {
    /// It is about to be mapped.
    Waiting,
    /// It was mapped.
    Mapped,
    /// It could not be mapped; `reason` says why.
    Refused,
    /// A newer content of the same record came before it was mapped.
    Superseded,
}

impl RecordState {
    fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Mapped => "mapped",
            Self::Refused => "refused",
            Self::Superseded => "superseded",
        }
    }
}

/// Which records.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RecordsQuery {
    /// Of this account of a connector.
    #[serde(default)]
    account: Option<Uuid>,
    /// Of this kind, with the version of its form: `calendar.event/1`.
    #[serde(default)]
    #[param(max_length = 100)]
    kind: Option<String>,
    /// In this state.
    #[serde(default)]
    #[param(inline)]
    state: Option<RecordState>,
}

/// A raw record, without its payload.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RecordView {
    /// Its id.
    id: Uuid,
    /// The account of a connector that it came from.
    account: Uuid,
    /// The plugin that brought it.
    plugin: String,
    /// Its kind, with the version of its form.
    kind: String,
    /// Its id at the source.
    external_id: String,
    /// Whether it is there or gone.
    operation: Operation,
    /// Whether it is the source's last word on it.
    newest: bool,
    /// `waiting`, `mapped`, `refused`, `superseded`.
    state: String,
    /// The mapping that was tried, as `name@3`.
    mapping: Option<String>,
    /// Why it is refused.
    reason: Option<String>,
    /// How many entities it became.
    drafts: i32,
    /// The payload's size in bytes.
    size: i64,
    /// What the payload is.
    media_type: String,
    /// SHA-256 of the payload, in hex.
    hash: String,
    /// Where it belongs.
    space: SpaceId,
    /// Its account's labels, and those that its mapping gives.
    labels: Vec<String>,
    /// Its version at the source.
    revision: Option<String>,
    /// When it changed at the source.
    source_time: Option<DateTime<Utc>>,
    /// When it came.
    received_at: DateTime<Utc>,
    /// When it was mapped or refused.
    mapped_at: Option<DateTime<Utc>>,
}

/// A raw record as it came.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RecordDetail {
    #[serde(flatten)]
    record: RecordView,
    /// The payload: text as it is, anything else in base64 after `base64:`.
    payload: String,
}

impl TryFrom<RecordRow> for RecordView {
    type Error = UnreadableSpace;

    fn try_from(row: RecordRow) -> Result<Self, UnreadableSpace> {
        Ok(Self {
            id: row.id,
            account: row.account,
            plugin: row.plugin,
            kind: row.kind,
            external_id: row.external_id,
            operation: if row.deleted { Operation::Delete } else { Operation::Upsert },
            newest: row.newest,
            state: row.state,
            mapping: row.mapping,
            reason: row.reason,
            drafts: row.drafts,
            size: row.size,
            media_type: row.media_type,
            hash: hex::encode(row.hash),
            space: row.space.parse()?,
            labels: row.labels.into_iter().collect::<BTreeSet<_>>().into_iter().collect(),
            revision: row.revision,
            source_time: row.source_time,
            received_at: row.received_at,
            mapped_at: row.mapped_at,
        })
    }
}

/// Raw records, the newest first.
#[utoipa::path(
    get,
    path = "/records",
    operation_id = "list_records",
    tag = "etl",
    params(RecordsQuery, PageQuery),
    responses((status = 200, body = Page<RecordView>), OfLists)
)]
pub(super) async fn list(
    access: Access,
    State(etl): State<Etl>,
    Query(query): Query<RecordsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<RecordView>>, Problem> {
    let limit = page.limit()?;
    let permitted = access.permitted(actions::RECORD_READ)?;
    if query.kind.as_ref().is_some_and(|kind| kind.len() > 100 || kind.contains('\0')) {
        let words = "`kind` has 100 bytes at most, none of them NUL";
        return Err(Problem::unprocessable("invalid-kind", words));
    }
    let filter = RecordFilter {
        account: query.account,
        kind: query.kind,
        state: query.state.map(RecordState::name),
    };
    let pool = etl.spine().pool();
    let rows = stored::list(pool, &filter, &permitted, page.place()?, limit as i64 + 1).await?;
    let views: Vec<RecordView> = rows
        .into_iter()
        .map(RecordView::try_from)
        .collect::<Result<_, _>>()
        .map_err(Problem::internal)?;
    Ok(Json(Page::cut(views, limit, |last: &RecordView| last.id)?))
}

/// A raw record with its payload, as it came.
#[utoipa::path(
    get,
    path = "/records/{id}",
    operation_id = "get_record",
    tag = "etl",
    params(("id" = Uuid, Path, description = "The record")),
    responses((status = 200, body = RecordDetail), OfOne)
)]
pub(super) async fn get(
    access: Access,
    State(etl): State<Etl>,
    Path(id): Path<Uuid>,
) -> Result<Json<RecordDetail>, Problem> {
    let pool = etl.spine().pool();
    let Some(row) = stored::find(pool, id).await? else { return Err(absent(&access)) };
    let owner = Snowflake(row.owner);
    let (plugin, size) = (row.plugin.clone(), row.size);
    let spaces: Vec<SpaceId> = row
        .spaces
        .iter()
        .map(|space| space.parse())
        .collect::<Result<_, UnreadableSpace>>()
        .map_err(Problem::internal)?;
    let record = RecordView::try_from(row).map_err(Problem::internal)?;
    let resource = |space: &SpaceId| {
        Resource::new("record", id.to_string(), space.clone())
            .labelled(record.labels.iter().cloned())
            .about(Some(owner))
            .kept_by(format!("plugin:{plugin}"))
    };
    access.require_visible(actions::RECORD_READ, &resource(&record.space))?;
    // What the mapping keeps closer than the account is seen by those who see that.
    if [SpaceId::household(), SpaceId::public()].contains(&record.space) {
        for space in &spaces {
            access.require_visible(actions::RECORD_READ, &resource(space))?;
        }
    }
    // It may have been erased in between.
    let Some(kept) = stored::payload(pool, id).await? else { return Err(Problem::not_found()) };
    let payload = record::unpack(etl.spine(), &kept, size)?;
    Ok(Json(RecordDetail { record, payload }))
}

/// What is not there looks like what is hidden: who asks without a token is told so either way.
fn absent(access: &Access) -> Problem {
    match access.permitted(actions::RECORD_READ) {
        Ok(_) => Problem::not_found(),
        Err(problem) => problem,
    }
}
