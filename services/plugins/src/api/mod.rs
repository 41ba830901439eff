//! The Sovereign API's paths of plugins. Looking after plugins is for the operator and the owner, as the
//! policy says (`plugin.read`, `plugin.write`); the secrets of an account are for whoever may change it.

mod accounts;
mod change;
mod incoming;
mod install;
mod list;
mod view;

use axum::extract::DefaultBodyLimit;
use contracts::access::{Access, Resource, actions};
use spine::Problem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::manifest::{MAX_COMPONENT, is_plugin_id};
use crate::service::Plugins;

pub use accounts::{SecretList, SetSecret, SignInBegun, SignInRequest};
pub use change::RollBack;
pub use incoming::{InstallForm, InstallFromUrl, InstallQuery, ReleaseSignature};
pub use view::{GrantView, PendingView, PluginSummary, PluginView, VersionView};

/// The largest body that brings a component: the component, and a form around it.
pub const MAX_BODY: usize = MAX_COMPONENT + 64 * 1_024;

/// The service's part of the Sovereign API, to be nested below its prefix.
pub fn routes() -> OpenApiRouter<Plugins> {
    let bringing = OpenApiRouter::new()
        .routes(routes!(list::list_plugins, install::install_plugin))
        .routes(routes!(install::upgrade_plugin))
        .layer(DefaultBodyLimit::max(MAX_BODY));
    OpenApiRouter::new()
        .merge(bringing)
        .routes(routes!(list::get_plugin, change::remove_plugin))
        .routes(routes!(change::grant_plugin))
        .routes(routes!(change::enable_plugin))
        .routes(routes!(change::disable_plugin))
        .routes(routes!(change::roll_back_plugin))
        .routes(routes!(accounts::list_secrets))
        .routes(routes!(accounts::set_secret, accounts::remove_secret))
        .routes(routes!(accounts::begin_sign_in))
}

/// The plugin as the policy sees it.
fn resource(id: &str) -> Resource {
    Resource::of_node("plugin", id)
}

/// Before a change: the caller may, and it is a plugin's id.
fn may_change(access: &Access, id: &str) -> Result<(), Problem> {
    if !is_plugin_id(id) {
        return Err(Problem::not_found());
    }
    access.require(actions::PLUGIN_WRITE, &resource(id))
}
