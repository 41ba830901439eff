//! Why rules fired or did not.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use contracts::access::Access;
use contracts::api::{Page, PageQuery, Query};
use serde::{Deserialize, Serialize};
use spine::Problem;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::body::Named;
use super::problems::OfReads;
use super::views::EvaluationView;
use crate::{Rules, RulesError, store};

/// How an evaluation came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum OutcomeName {
    /// It acted.
    Fired,
    /// Its conditions did not hold.
    Refused,
    /// A condition has no value, or a lookup failed.
    Failed,
    /// It acted too often.
    Throttled,
    /// Its conditions hold, and it waits whether they go on holding.
    Waiting,
}

impl OutcomeName {
    fn name(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Throttled => "throttled",
            Self::Waiting => "waiting",
        }
    }
}

/// Which evaluations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EvaluationsQuery {
    /// Only those that came out like this.
    #[param(inline)]
    outcome: Option<OutcomeName>,
    /// Where to go on, as the page before said in `next`.
    cursor: Option<String>,
    /// At most so many; 50 where nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// A place in the list.
#[derive(Serialize, Deserialize)]
struct Place(DateTime<Utc>, Uuid);

/// What came of asking a rule, newest first: the last 50 times it fired, the last 50 times it was refused, and the
/// failures.
#[utoipa::path(
    get, path = "/rules/{rule}/evaluations", operation_id = "listRuleEvaluations", tag = "rules",
    params(("rule" = Uuid, Path, description = "The rule"), EvaluationsQuery),
    responses(
        (status = 200, description = "The evaluations, without what was read", body = Page<EvaluationView>),
        OfReads,
    )
)]
pub(super) async fn list_evaluations(
    access: Access,
    State(rules): State<Rules>,
    Named(rule): Named<Uuid>,
    Query(query): Query<EvaluationsQuery>,
) -> Result<Json<Page<EvaluationView>>, Problem> {
    let rule = rules.readable(&access, rule).await?;
    let page = PageQuery { cursor: query.cursor, limit: query.limit };
    let limit = page.limit()?;
    let before = page.place::<Place>()?.map(|Place(at, id)| (at, id));
    let outcome = query.outcome.map(OutcomeName::name);
    rules.fold_refusals().await?;
    let pool = rules.0.spine.pool();
    let found = store::evaluations::list(pool, rule.id, outcome, before, limit as i64 + 1).await?;
    let views = found
        .into_iter()
        .map(|stored| EvaluationView::summary(stored, &access, rule.owner()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Json(Page::cut(views, limit, |last| Place(last.at, last.id))?))
}

/// Why a rule fired or did not: everything that was asked, with what was read.
#[utoipa::path(
    get, path = "/rules/evaluations/{evaluation}", operation_id = "getRuleEvaluation", tag = "rules",
    params(("evaluation" = Uuid, Path, description = "The evaluation")),
    responses(
        (status = 200, description = "The evaluation with its trace", body = EvaluationView),
        OfReads,
    )
)]
pub(super) async fn get_evaluation(
    access: Access,
    State(rules): State<Rules>,
    Named(evaluation): Named<Uuid>,
) -> Result<Json<EvaluationView>, Problem> {
    rules.fold_refusals().await?;
    let found = store::evaluations::find(rules.0.spine.pool(), evaluation)
        .await
        .map_err(RulesError::from)?;
    let Some(found) = found else {
        access.permitted(contracts::access::actions::RULE_READ)?;
        return Err(Problem::not_found());
    };
    let rule = rules.readable(&access, found.rule_id).await?;
    let trace = rules.whole_trace(&found, &rule).await?;
    Ok(Json(EvaluationView::of(found, trace, &access, rule.owner())))
}
