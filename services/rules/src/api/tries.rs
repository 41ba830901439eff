//! What a rule would do, without doing it.

use axum::Json;
use axum::extract::State;
use contracts::access::{Access, Resource, actions};
use contracts::api::Body;
use contracts::api::problems::OfBodies;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spine::Problem;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::Named;
use super::rules::belongs;
use super::views::{READING, sees_values};
use crate::document::{MediaType, RuleDocument, event_type, read};
use crate::engine::{EventDocument, Identity, Lookups, Rule};
use crate::{DryRun, Rules, RulesError, store};

/// Asked about, where nothing is said.
const USUAL: u32 = 20;
/// At most.
const MOST: u32 = 500;

/// What to ask a rule about: an event, or the last ones of its types.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DryRunBody {
    /// An event.
    #[serde(default)]
    event: Option<EventDocument>,
    /// So many of the last events of its types that its owner may see; 20 where nothing is said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 500)]
    last: Option<u32>,
}

/// A rule that is not saved, and what to ask it about.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TryBody {
    /// The rule (`GET /rules/schema`); or `yaml`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    rule: Option<Value>,
    /// The rule in YAML.
    #[serde(default)]
    #[schema(max_length = 65536)]
    yaml: Option<String>,
    /// An event.
    #[serde(default)]
    event: Option<EventDocument>,
    /// So many of the last events of its types; 20 where nothing is said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 500)]
    last: Option<u32>,
}

/// What a rule would do.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct DryRuns {
    /// For each event, the newest first; for fewer than asked where they take longer than 20 seconds.
    runs: Vec<DryRun>,
}

/// Checks a rule that is not saved, runs its tests, and says what it would do. Nothing happens.
#[utoipa::path(
    post, path = "/rules/try", operation_id = "tryRule", tag = "rules", request_body = TryBody,
    responses(
        (status = 200, description = "What it would do", body = DryRuns),
        OfBodies,
    )
)]
pub(super) async fn try_rule(
    access: Access,
    State(rules): State<Rules>,
    Body(body): Body<TryBody>,
) -> Result<Json<DryRuns>, Problem> {
    let belongs = belongs(&access, None)?;
    may_read(&access)?;
    access.require(actions::RULE_WRITE, &Resource::new("rule", "*", belongs.space.clone()))?;
    let read = match (body.rule, body.yaml) {
        (Some(rule), None) => read(rule.to_string().as_bytes(), MediaType::Json),
        (None, Some(yaml)) => read(yaml.as_bytes(), MediaType::Yaml),
        _ => {
            return Err(Problem::unprocessable(
                "invalid-body",
                "Please send either `rule` or `yaml`",
            ));
        }
    };
    // In a body, what is no YAML is a wrong value and no wrong request.
    let document = read.map_err(|error| {
        Problem::unprocessable("invalid-rule", "The document is no rule")
            .with_detail(error.to_string())
    })?;
    let identity = Identity {
        rule: Uuid::now_v7(),
        version: 0,
        owner: belongs.owner,
        space: belongs.space,
        since: rules.0.spine.clock().now(),
    };
    let (rule, _) = rules.checked(identity, document).await?;
    rules.runs(&rule, body.event, body.last).await
}

/// Says what a rule would do about an event, or about the last ones of its types. Nothing happens.
#[utoipa::path(
    post, path = "/rules/{rule}/dry-run", operation_id = "dryRunRule", tag = "rules",
    params(("rule" = Uuid, Path, description = "The rule")), request_body = DryRunBody,
    responses(
        (status = 200, description = "What it would do", body = DryRuns),
        OfBodies,
    )
)]
pub(super) async fn dry_run_rule(
    access: Access,
    State(rules): State<Rules>,
    Named(rule): Named<Uuid>,
    Body(body): Body<DryRunBody>,
) -> Result<Json<DryRuns>, Problem> {
    let stored = rules.writable(&access, rule).await?;
    may_read(&access)?;
    // It looks things up as its owner: nobody else is shown what they are.
    if access.caller().responsible() != Some(stored.owner()) {
        return Err(Problem::forbidden(
            "not-the-owner",
            "Only its owner may ask what a rule would do",
        ));
    }
    let document = store::rules::version(rules.0.spine.pool(), stored.id, stored.version).await?;
    let document = document.ok_or_else(Problem::not_found)?.document;
    let document: RuleDocument = serde_json::from_value(document).map_err(RulesError::from)?;
    let identity = Identity {
        rule: stored.id,
        version: stored.version,
        owner: stored.owner(),
        space: stored.space().map_err(RulesError::from)?,
        since: stored.since,
    };
    let (rule, _) = rules.compile(identity, document).await?;
    rules.runs(&rule, body.event, body.last).await
}

/// What a rule would do tells what events say and what was looked up: a token that may not read all that its person
/// may is not for that, whatever it may write.
fn may_read(access: &Access) -> Result<(), Problem> {
    if sees_values(access) {
        return Ok(());
    }
    let title = "The token's scope does not cover this";
    let problem = Problem::forbidden("insufficient-scope", title);
    Err(problem.with_detail(format!("to try a rule is to read: it needs the scope {READING}")))
}

impl Rules {
    async fn runs(
        &self,
        rule: &Arc<Rule>,
        event: Option<EventDocument>,
        last: Option<u32>,
    ) -> Result<Json<DryRuns>, Problem> {
        let runs = match (event, last) {
            (Some(event), None) => {
                check_event(&event)?;
                vec![self.dry_run(rule, event, &mut Lookups::default()).await?]
            }
            (None, last) => {
                let last = last.unwrap_or(USUAL);
                if !(1..=MOST).contains(&last) {
                    return Err(Problem::unprocessable(
                        "invalid-last",
                        "`last` must be between 1 and 500",
                    ));
                }
                self.dry_run_last(rule, last as usize).await?
            }
            (Some(_), Some(_)) => {
                return Err(Problem::unprocessable(
                    "invalid-body",
                    "Please send either `event` or `last`",
                ));
            }
        };
        Ok(Json(DryRuns { runs }))
    }
}

fn check_event(event: &EventDocument) -> Result<(), Problem> {
    let wrong = |what: String| {
        Problem::unprocessable("invalid-event", "The event is none").with_detail(what)
    };
    event_type(&event.r#type).map_err(wrong)?;
    if event.r#type.ends_with('*') {
        return Err(wrong("an event has a whole type".to_owned()));
    }
    if event.id.len() > 400 || event.source.len() > 400 || event.subject.len() > 4_000 {
        return Err(wrong("its id, source or subject is too long".to_owned()));
    }
    Ok(())
}
