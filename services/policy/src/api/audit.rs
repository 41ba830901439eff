//! Who saw one's data, and the log's signed head.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use contracts::access::{Access, Resource, actions};
use contracts::api::problems::{OfLists, OfOne};
use contracts::api::{Page, PageQuery, Query};
use http::header;
use serde::{Deserialize, Serialize};
use spine::Problem;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::person;
use crate::audit::Entry;
use crate::{PolicyService, store};

/// An access that was decided.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditEntry {
    /// Its id.
    id: Uuid,
    /// When.
    time: DateTime<Utc>,
    /// Who acted.
    principal: String,
    /// For whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    behalf: Option<String>,
    /// Through which app.
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<String>,
    /// What they did.
    action: String,
    /// With what kind of thing.
    kind: String,
    /// With which; `*`: it was a query.
    resource: String,
    /// Where it is; of a query the spaces that it could see.
    spaces: Vec<String>,
    /// Whom it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// What for.
    purpose: String,
    /// Whether it was allowed.
    allowed: bool,
    /// The policies that decided; none: nothing permits it.
    policies: Vec<String>,
}

impl From<Entry> for AuditEntry {
    fn from(entry: Entry) -> Self {
        let number = |id: Option<i64>| id.map(|id| id.to_string());
        Self {
            id: entry.id,
            time: entry.time,
            principal: entry.principal,
            behalf: number(entry.behalf),
            via: number(entry.via),
            action: entry.action,
            kind: entry.kind,
            resource: entry.resource,
            spaces: entry.spaces,
            subject: number(entry.subject),
            purpose: entry.purpose,
            allowed: entry.allowed,
            policies: entry.policies,
        }
    }
}

/// Which part of the log.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AuditPart)]
enum Part {
    /// What is about the person who asks.
    #[default]
    Me,
    /// What was refused on this node, for owner and admins.
    Refused,
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListAudit {
    /// Where to go on, as the page before said in `next`.
    #[serde(default)]
    cursor: Option<String>,
    /// At most so many items; 50 where nothing is said.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// Which part of the log: what is about the person who asks, or what was refused on this node.
    #[serde(default)]
    #[param(inline)]
    of: Part,
    /// Whether what the person did themselves is shown too.
    #[serde(default)]
    own: bool,
}

/// Who saw one's data, what for, and the policy that allowed it, newest first.
#[utoipa::path(
    get,
    path = "/audit",
    operation_id = "listAudit",
    tag = "policy",
    params(ListAudit),
    responses(
        (status = 200, body = Page<AuditEntry>),
        OfLists,
    )
)]
pub(super) async fn list(
    access: Access,
    State(service): State<PolicyService>,
    Query(query): Query<ListAudit>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let page = PageQuery { cursor: query.cursor, limit: query.limit };
    let (limit, before) = (page.limit()?, page.place::<Uuid>()?);
    let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
    let pool = service.0.spine.pool();
    let found = match query.of {
        Part::Me => {
            let me = person(&access, actions::AUDIT_READ, "audit")?;
            match query.own {
                true => store::audit::about(pool, me.0, before, most).await?,
                false => store::audit::about_by_others(pool, me.0, before, most).await?,
            }
        }
        Part::Refused => {
            access.require(actions::AUDIT_READ, &Resource::of_node("audit", "*"))?;
            store::audit::refusals(pool, before, most).await?
        }
    };
    let items = found.into_iter().map(AuditEntry::from).collect();
    Ok(Json(Page::cut(items, limit, |last: &AuditEntry| last.id)?))
}

/// The log's newest signed head (C2SP tlog-checkpoint, a signed note): whoever keeps it can prove later
/// that nothing before it was changed or removed.
#[utoipa::path(
    get,
    path = "/audit/checkpoint",
    operation_id = "getAuditCheckpoint",
    tag = "policy",
    responses(
        (status = 200, body = String, content_type = "text/plain; charset=utf-8"),
        OfOne,
    )
)]
pub(super) async fn checkpoint(
    access: Access,
    State(service): State<PolicyService>,
) -> Result<Response, Problem> {
    access.require(actions::AUDIT_READ, &Resource::of_node("checkpoint", "*"))?;
    Ok(text(service.audit_head().await?.ok_or_else(Problem::not_found)?))
}

/// The public key that verifies the log's checkpoints (`name+id+key`, C2SP signed-note).
#[utoipa::path(
    get,
    path = "/audit/key",
    operation_id = "getAuditKey",
    tag = "policy",
    responses(
        (status = 200, body = String, content_type = "text/plain; charset=utf-8"),
        OfLists,
    )
)]
pub(super) async fn key(
    access: Access,
    State(service): State<PolicyService>,
) -> Result<Response, Problem> {
    access.require(actions::AUDIT_READ, &Resource::of_node("checkpoint", "*"))?;
    Ok(text(format!("{}\n", service.audit_key())))
}

fn text(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
