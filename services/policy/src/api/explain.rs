//! Why something would be allowed, or not.

use axum::Json;
use axum::extract::State;
use contracts::access::{
    Access, Action, Caller, Principal, Purpose, Refusal, Resource, SpaceId, actions,
};
use contracts::api::Body;
use contracts::api::problems::OfBodies;
use serde::{Deserialize, Serialize};
use spine::{Problem, Snowflake};
use utoipa::ToSchema;

use super::person;
use crate::PolicyService;

/// A question: would this be allowed?
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Explain {
    /// Who would ask; the caller themselves, where nothing is said.
    #[serde(default)]
    caller: Option<ExplainCaller>,
    /// What they would do.
    #[schema(example = "entity.read", max_length = 64)]
    action: String,
    /// With what.
    resource: ExplainResource,
}

/// Who would ask.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ExplainCaller {
    /// `person:<account>`, `app:<id>`, `device:<id>`, `plugin:<id>`, `service:<name>`, `remote:<actor>`,
    /// `operator` or `anonymous`.
    #[schema(max_length = 500)]
    principal: String,
    /// For whom.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,19}$")]
    behalf: Option<Snowflake>,
    /// What for; `use`, where nothing is said.
    #[serde(default)]
    #[schema(pattern = "^[a-z0-9:._-]{1,64}$")]
    purpose: Option<String>,
    /// What their token would cover; no token, where nothing is said.
    #[serde(default)]
    #[schema(max_items = 100)]
    scopes: Option<Vec<String>>,
}

/// With what. Its kind is that of the action.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ExplainResource {
    /// Its id; any, where nothing is said.
    #[serde(default)]
    #[schema(max_length = 500)]
    id: Option<String>,
    /// Where it is.
    space: SpaceId,
    /// Its labels, of up to 100 characters each.
    #[serde(default)]
    #[schema(max_items = 100)]
    labels: Vec<String>,
    /// Its type, or the facet of a state.
    #[serde(default)]
    #[schema(max_length = 100)]
    class: Option<String>,
    /// Whom it is about; the person whose own space it is in, where nothing is said.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,19}$")]
    subject: Option<Snowflake>,
    /// Who keeps it: a plugin, a service, an app.
    #[serde(default)]
    #[schema(max_length = 500)]
    keeper: Option<String>,
}

/// What the policy would say.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Explanation {
    /// Whether it would be allowed.
    allowed: bool,
    /// The policies that decide; none: nothing permits it.
    because: Vec<String>,
    /// Why not: `who-asks`, `scope`, `policy` or `consent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'static str>,
    /// The scope or the purpose that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
}

/// Whether something would be allowed, and why. About oneself, and about one's own and shared data and
/// whoever acts for one; owner and admins may ask about anybody. Nothing is accessed, so the question leaves no such trace.
#[utoipa::path(
    post,
    path = "/policy/explain",
    operation_id = "explainDecision",
    tag = "policy",
    request_body = Explain,
    responses(
        (status = 200, body = Explanation),
        OfBodies,
    )
)]
pub(super) async fn explain(
    access: Access,
    State(service): State<PolicyService>,
    Body(question): Body<Explain>,
) -> Result<Json<Explanation>, Problem> {
    let caller = match question.caller {
        Some(caller) => read_caller(caller)?,
        None => access.caller().clone(),
    };
    let action = read_action(&question.action)?;
    let resource = read_resource(action, question.resource)?;
    let asker = access.caller().responsible();
    let themselves = asker.map(Principal::Person).as_ref() == Some(&caller.principal);
    // What others consented to for a third party is nobody else's business.
    let concerned = themselves || resource.subject.is_none() || resource.subject == asker;
    if asker.is_some() && caller.responsible() == asker && concerned {
        person(&access, actions::POLICY_READ, "policy")?;
    } else {
        access.require(actions::AUDIT_READ, &Resource::of_node("policy", "*"))?;
    }
    let judged = service.judge(&caller, action, &resource);
    let (refusal, missing) = match &judged.refusal {
        None => (None, None),
        Some(Refusal::WhoAsks) => (Some("who-asks"), None),
        Some(Refusal::Policy) => (Some("policy"), None),
        Some(Refusal::Scope(scope)) => (Some("scope"), Some((*scope).to_owned())),
        Some(Refusal::Consent { purpose }) => (Some("consent"), Some(purpose.clone())),
    };
    let because = judged.because.clone();
    Ok(Json(Explanation { allowed: judged.allowed, because, refusal, missing }))
}

fn read_caller(caller: ExplainCaller) -> Result<Caller, Problem> {
    let long = caller.principal.chars().count() > 500;
    if long || caller.scopes.as_ref().is_some_and(|scopes| scopes.len() > 100) {
        return Err(Problem::unprocessable(
            "invalid-caller",
            "`principal` has at most 500 characters, and a token 100 scopes",
        ));
    }
    let principal: Principal = caller.principal.parse().map_err(|error| {
        Problem::unprocessable("invalid-principal", "`principal` names nobody")
            .with_detail(format!("{error}"))
    })?;
    let purpose = caller.purpose.as_deref().map_or(Some(Purpose::USE), Purpose::parse);
    let purpose = purpose.ok_or_else(|| {
        Problem::unprocessable(
            "invalid-purpose",
            "a purpose is 1 to 64 of the characters a-z, 0-9 and :._-",
        )
    })?;
    Ok(Caller { behalf: caller.behalf, scopes: caller.scopes, ..Caller::new(principal, purpose) })
}

fn read_action(name: &str) -> Result<Action, Problem> {
    let found = actions::ALL.iter().find(|action| action.name == name).copied();
    found.ok_or_else(|| Problem::unprocessable("unknown-action", "there is no such action"))
}

fn read_resource(action: Action, resource: ExplainResource) -> Result<Resource, Problem> {
    let ExplainResource { id, labels, class, keeper, .. } = &resource;
    let named = [id, keeper].into_iter().flatten().map(|text| (text, 500));
    let short = labels.iter().chain(class).map(|text| (text, 100));
    if labels.len() > 100 || named.chain(short).any(|(text, most)| text.chars().count() > most) {
        return Err(Problem::unprocessable(
            "invalid-resource",
            "a thing has at most 100 labels, a label and a class 100 characters, a name 500",
        ));
    }
    let kind = action.name.split('.').next().unwrap_or_default();
    let id = resource.id.unwrap_or_else(|| "*".to_owned());
    let mut read = Resource::new(kind, id, resource.space).labelled(resource.labels);
    read.class = resource.class;
    read.subject = resource.subject.or(read.subject);
    read.keeper = resource.keeper;
    Ok(read)
}
