//! What can be done: stable names, each with the OAuth scope that an app's token needs for it.

use std::fmt;

/// Something that can be done. Its name is `kind.verb`, the kind being that of the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Action {
    /// Its stable name, such as `entity.read`.
    pub name: &'static str,
    /// The scope that a token needs; a broad one (`sovereign:read`) covers it. Empty: none, or whoever asks
    /// has looked at the token already.
    pub scope: &'static str,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $scope:literal;)*) => {
        /// Every action there is.
        pub mod actions {
            use super::Action;
            $($(#[$doc])* pub const $constant: Action = Action { name: $name, scope: $scope };)*
            /// All of them, for the policy's schema.
            pub const ALL: &[Action] = &[$($constant),*];
        }
    };
}

actions! {
    /// Read entities, edges, their history and their changes.
    ENTITY_READ = "entity.read", "sovereign:read:entities";
    /// Make, change and close entities and edges; merge and take apart.
    ENTITY_WRITE = "entity.write", "sovereign:write:entities";
    /// Read raw records and mappings.
    RECORD_READ = "record.read", "sovereign:read:entities";
    /// Change mappings and run them again.
    MAPPING_WRITE = "mapping.write", "sovereign:admin:mappings";
    /// Search.
    SEARCH_QUERY = "search.query", "sovereign:read:search";
    /// Build the search index anew.
    SEARCH_REBUILD = "search.rebuild", "sovereign:admin:search";
    /// Read the state of now.
    PRESENT_READ = "present.read", "sovereign:read:present";
    /// Read accounts of connectors and channels.
    CONNECTOR_READ = "connector.read", "sovereign:read:connectors";
    /// Add, change, run and remove accounts of connectors.
    CONNECTOR_WRITE = "connector.write", "sovereign:write:connectors";
    /// See one's devices.
    DEVICE_READ = "device.read", "sovereign:read:devices";
    /// Register and remove devices.
    DEVICE_WRITE = "device.write", "sovereign:write:devices";
    /// Report what a device saw: the device itself.
    DEVICE_REPORT = "device.report", "sovereign:write:devices";
    /// Read conversations, messages and calls.
    MESSAGE_READ = "message.read", "sovereign:read:messages";
    /// Send messages.
    MESSAGE_SEND = "message.send", "sovereign:write:messages";
    /// Add, change and remove channels.
    CHANNEL_WRITE = "channel.write", "sovereign:write:connectors";
    /// Read rules and why they fired or did not.
    RULE_READ = "rule.read", "sovereign:read:rules";
    /// Make, change, try and remove rules.
    RULE_WRITE = "rule.write", "sovereign:write:rules";
    /// See the plugins and how they do.
    PLUGIN_READ = "plugin.read", "sovereign:read:plugins";
    /// Install, grant, configure, upgrade and remove plugins.
    PLUGIN_WRITE = "plugin.write", "sovereign:admin:plugins";
    /// Read spaces and who is in them.
    SPACE_READ = "space.read", "sovereign:read:spaces";
    /// Make circles, add and remove members.
    SPACE_WRITE = "space.write", "sovereign:write:spaces";
    /// Read what one has consented to.
    CONSENT_READ = "consent.read", "sovereign:read:consents";
    /// Give and withdraw consent for one's own data.
    CONSENT_WRITE = "consent.write", "sovereign:write:consents";
    /// Read policies.
    POLICY_READ = "policy.read", "sovereign:read:policies";
    /// Add, change and remove policies.
    POLICY_WRITE = "policy.write", "sovereign:admin:policies";
    /// Read who saw the data of a person.
    AUDIT_READ = "audit.read", "sovereign:read:audit";
    /// Read posts of this node's people and of the fediverse as entities.
    POST_READ = "post.read", "sovereign:read:entities";
    /// Read as a Mastodon app does: timelines, notifications, whatever its own scopes cover.
    SOCIAL_READ = "social.read", "";
    /// Do what a Mastodon app does: write, follow, favourite, change one's profile.
    SOCIAL_WRITE = "social.write", "";
}
