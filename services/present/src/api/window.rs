//! `GET /present/{subject}/{facet}/window`.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use contracts::access::Access;
use contracts::api::{Path, Query};
use serde::{Deserialize, Serialize};
use spine::Problem;
use utoipa::{IntoParams, ToSchema};

use super::{OfStates, admit, facet_of, subject_of, unknown};
use crate::Present;
use crate::state::{Key, Measure, Span, labels_of};

/// How far back the window reaches.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WindowQuery {
    /// `5m`, `1h` or `24h`; an hour where nothing is said.
    #[serde(default)]
    #[param(pattern = "^(5m|1h|24h)$")]
    span: Option<String>,
}

/// What the readings of a state amount to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Window {
    /// Whose.
    subject: String,
    /// Which state.
    facet: String,
    /// How far back.
    span: String,
    /// Since when.
    from: DateTime<Utc>,
    /// Until when.
    to: DateTime<Utc>,
    /// A measure each: the numbers in the reports, or `reports` where they have none. Empty where nothing
    /// was reported.
    measures: Vec<Measure>,
}

/// Sums the readings of a state up: how many, the smallest, the greatest, the mean, the last.
#[utoipa::path(
    get, path = "/present/{subject}/{facet}/window", operation_id = "getPresentWindow", tag = "present",
    params(
        ("subject" = String, Path, description = "`person:<account>`, `device:<uuid>`, `channel:<uuid>`",
            pattern = "^(person:[0-9]{1,19}|(device|channel):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"),
        ("facet" = String, Path, description = "`location`, `presence`, `call`, `activity`, `battery`, `sensor.<name>`…",
            pattern = "^[a-z][a-z0-9_.-]{0,63}$"),
        WindowQuery,
    ),
    responses(
        (status = 200, description = "The sums", body = Window),
        OfStates,
    )
)]
pub(crate) async fn window(
    access: Access,
    State(present): State<Present>,
    Path((subject, facet)): Path<(String, String)>,
    Query(query): Query<WindowQuery>,
) -> Result<Json<Window>, Problem> {
    let space = subject_of(&subject)?;
    facet_of(&facet)?;
    let Some(span) = query.span.as_deref().map_or(Some(Span::Hour), Span::parse) else {
        return Err(Problem::unprocessable("invalid-span", "`span` is `5m`, `1h` or `24h`"));
    };
    let key = Key { subject, facet };
    let space = match space {
        Some(space) => Some(space),
        // Where a device or channel belongs is told by its state, expired or not.
        None => present.0.states.one(&key).await?.map(|state| state.space),
    };
    match space {
        Some(space) => admit(&access, &key.subject, space, &key.facet, &labels_of(&key.facet))?,
        None => return Err(unknown(&access, &key.subject, &key.facet)),
    }
    let to = present.0.spine.clock().now();
    let from = to - span.length();
    let measures = present.0.states.window(&key, from, to).await?;
    let Key { subject, facet } = key;
    Ok(Json(Window { subject, facet, span: span.name().to_owned(), from, to, measures }))
}
