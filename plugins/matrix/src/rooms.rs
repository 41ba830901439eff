//! Where a message goes.

use serde::Deserialize;
use serde_json::{Value, json};
use sovereign_plugin::{Host, PluginError};

use crate::client::{Client, segment};
use crate::settings::Settings;

/// Before a person's id: the room of two with them.
const WITH: &str = "with/";
/// So many rooms are remembered of those to which others invite: strangers do not fill the plugin's state.
const MOST_KNOWN: u32 = 100;

#[derive(Deserialize)]
struct Room {
    room_id: String,
}

/// The room for an address: a room's id (`!…`), a room's alias (`#…`), or a person (`@…`), with whom
/// a room is made where there is none yet.
pub fn find<H: Host>(client: &Client<'_, H>, to: &str) -> Result<String, PluginError> {
    match to.chars().next() {
        Some('!') => Ok(to.to_owned()),
        Some('#') => {
            let path = format!("/_matrix/client/v3/directory/room/{}", segment(to));
            let room: Option<Room> = client.get(&path)?;
            let room =
                room.ok_or_else(|| PluginError::rejected(format!("there is no room {to}")))?;
            Ok(room.room_id)
        }
        Some('@') => with_person(client, to),
        _ => Err(PluginError::rejected(format!(
            "{to} is no address of Matrix: !room, #alias or @user"
        ))),
    }
}

fn with_person<H: Host>(client: &Client<'_, H>, person: &str) -> Result<String, PluginError> {
    if let Some(room) = client.host.state(&key(person))? {
        return String::from_utf8(room)
            .map_err(|_| PluginError::failed("the state of this plugin is damaged"));
    }
    let body = json!({"invite": [person], "is_direct": true, "preset": "trusted_private_chat"});
    let room: Room = client.send("POST", "/_matrix/client/v3/createRoom", &body)?;
    client.host.set_state(&key(person), room.room_id.as_bytes())?;
    Ok(room.room_id)
}

fn key(person: &str) -> String {
    format!("{WITH}{person}")
}

/// Whether this is the room in which the account speaks with a person alone.
pub fn is_with<H: Host>(host: &H, person: &str, room: &str) -> Result<bool, PluginError> {
    Ok(host.state(&key(person))?.is_some_and(|known| known == room.as_bytes()))
}

/// Somebody's membership of a room changes.
pub struct Invitation<'a> {
    /// Whose.
    pub invited: &'a str,
    /// Whether that is an invitation.
    pub is_one: bool,
    /// Whether it is to a room of two.
    pub is_direct: bool,
    /// Who changes it.
    pub by: &'a str,
    /// Which room.
    pub room: &'a str,
}

/// Enters a room of two to which the account is invited, so that whoever writes to it is heard; and answers there, unless
/// there is such a room already. A room that cannot be entered is no reason to refuse all else that is pushed.
pub fn invited<H: Host>(
    host: &H,
    settings: &Settings,
    invitation: &Invitation<'_>,
) -> Result<(), PluginError> {
    if !invitation.is_one || !invitation.is_direct || invitation.invited != settings.user_id {
        return Ok(());
    }
    let client = Client::new(host, settings.base()?);
    let path = format!("/_matrix/client/v3/rooms/{}/join", segment(invitation.room));
    if let Err(error) = client.send::<Value>("POST", &path, &json!({})) {
        host.warn(&format!("a room cannot be entered: {error:?}"));
        return Ok(());
    }
    let is_known = host.state(&key(invitation.by))?.is_some();
    let has_place = host.state_keys(WITH, None, MOST_KNOWN)?.len() < MOST_KNOWN as usize;
    if !is_known && has_place {
        host.set_state(&key(invitation.by), invitation.room.as_bytes())?;
    }
    Ok(())
}

/// Refuses a room that is end-to-end encrypted: this plugin writes in clear.
pub fn check_clear<H: Host>(client: &Client<'_, H>, room: &str) -> Result<(), PluginError> {
    let path = format!("/_matrix/client/v3/rooms/{}/state/m.room.encryption", segment(room));
    let encryption: Option<Value> = client.get(&path)?;
    match encryption {
        None => Ok(()),
        Some(_) => Err(PluginError::rejected(
            "the room is end-to-end encrypted, and this plugin writes in clear",
        )),
    }
}
