//! One's own account: who am I, and changing it.

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::{delete, get, patch};
use serde::Deserialize;
use serde_json::json;
use social::commands::{PictureChange, ProfileChange, ProfileField};
use social::read::entities::{CredentialAccount, Role as RoleView};
use social::{AccountId, Visibility};
use spine::Problem;

use super::super::call::Call;
use super::super::permissive::Limits;
use super::super::reply::{Reply, json};
use crate::policy::Action;
use crate::services::Services;

/// `profile` lets an app ask who it acts for and nothing else.
const WHO: Action = Action::person("account.credentials", "profile");
const WRITE: Action = Action::person("account.update", "write:accounts");

pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/accounts/verify_credentials", get(verify))
        .route("/api/v1/accounts/update_credentials", patch(update).post(update))
        .route("/api/v1/profile", get(profile).patch(update_profile))
        .route("/api/v1/profile/avatar", delete(remove_avatar))
        .route("/api/v1/profile/header", delete(remove_header))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameters {
    display_name: Option<String>,
    note: Option<String>,
    locked: Option<bool>,
    bot: Option<bool>,
    discoverable: Option<bool>,
    indexable: Option<bool>,
    hide_collections: Option<bool>,
    fields_attributes: Option<Vec<FieldParameters>>,
    source: SourceParameters,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FieldParameters {
    name: String,
    value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SourceParameters {
    privacy: Option<Visibility>,
    sensitive: Option<bool>,
    language: Option<String>,
}

async fn verify(call: Call) -> Reply {
    let me = call.person(&WHO, "self")?;
    json(&credentials(&call, me).await?)
}

async fn update(State(services): State<Services>, request: Request) -> Reply {
    let (call, me) = change(&services, request).await?;
    json(&credentials(&call, me).await?)
}

async fn profile(call: Call) -> Reply {
    let me = call.person(&WHO, "self")?;
    as_profile(&credentials(&call, me).await?)
}

async fn update_profile(State(services): State<Services>, request: Request) -> Reply {
    let (call, me) = change(&services, request).await?;
    as_profile(&credentials(&call, me).await?)
}

async fn remove_avatar(call: Call) -> Reply {
    let me = call.person(&WRITE, "avatar")?;
    let change = ProfileChange { avatar: Some(PictureChange::Remove), ..ProfileChange::default() };
    call.social().update_profile(me, change).await?;
    json(&credentials(&call, me).await?)
}

async fn remove_header(call: Call) -> Reply {
    let me = call.person(&WRITE, "header")?;
    let change = ProfileChange { header: Some(PictureChange::Remove), ..ProfileChange::default() };
    call.social().update_profile(me, change).await?;
    json(&credentials(&call, me).await?)
}

/// Changes what the request names; the rest stays.
async fn change(services: &Services, request: Request) -> Result<(Call, AccountId), Problem> {
    let config = &services.config;
    let limits = Limits {
        text: config.http.max_body_bytes,
        files: config.media.max_image_bytes.saturating_mul(2),
    };
    let mut call =
        Call::read(request, services, limits, |caller| caller.person(&WRITE, "self").map(drop))
            .await?;
    let me = call.person(&WRITE, "self")?;
    let parameters: Parameters = call.typed()?;
    let (avatar, header) = (picture(&mut call, "avatar"), picture(&mut call, "header"));
    let change = ProfileChange {
        display_name: parameters.display_name,
        note: parameters.note,
        locked: parameters.locked,
        bot: parameters.bot,
        discoverable: parameters.discoverable,
        indexable: parameters.indexable,
        hide_collections: parameters.hide_collections,
        fields: parameters.fields_attributes.map(|fields| {
            fields
                .into_iter()
                .map(|field| ProfileField { name: field.name, value: field.value })
                .collect()
        }),
        avatar,
        header,
        default_visibility: parameters.source.privacy,
        default_sensitive: parameters.source.sensitive,
        default_language: parameters.source.language,
    };
    call.social().update_profile(me, change).await?;
    Ok((call, me))
}

/// An uploaded picture, if there is one.
fn picture(call: &mut Call, name: &str) -> Option<PictureChange> {
    let file = call.parameters.take_file(name).filter(|file| !file.bytes.is_empty())?;
    Some(PictureChange::Replace(file.bytes))
}

/// The account with what only its owner sees, and with the owner's role here.
async fn credentials(call: &Call, me: AccountId) -> Result<CredentialAccount, Problem> {
    let (credentials, person) =
        tokio::join!(call.social().credentials(me), call.services.identity.person(me.0));
    let mut credentials = credentials?;
    if let Some(person) = person? {
        credentials.role = role(person.role);
    }
    Ok(credentials)
}

/// Roles as Mastodon's clients read them: 1 is the bit for "may do everything".
fn role(role: identity::Role) -> RoleView {
    let (id, name, permissions) = match role {
        identity::Role::Owner => ("3", "Owner", "1"),
        identity::Role::Admin => ("2", "Admin", "1"),
        identity::Role::Member => return RoleView::everyone(),
    };
    RoleView {
        id: id.to_owned(),
        name: name.to_owned(),
        permissions: permissions.to_owned(),
        highlighted: true,
        ..RoleView::everyone()
    }
}

/// The newer shape of the same.
fn as_profile(credentials: &CredentialAccount) -> Reply {
    let (account, source) = (&credentials.account, &credentials.source);
    json(&json!({
        "id": account.id,
        "display_name": account.display_name,
        "note": source.note,
        "fields": source.fields,
        "avatar": account.avatar,
        "avatar_static": account.avatar_static,
        "avatar_description": "",
        "header": account.header,
        "header_static": account.header_static,
        "header_description": "",
        "locked": account.locked,
        "bot": account.bot,
        "hide_collections": source.hide_collections,
        "discoverable": source.discoverable,
        "indexable": source.indexable,
        "show_media": true,
        "show_media_replies": true,
        "show_featured": true,
        "attribution_domains": source.attribution_domains,
    }))
}
