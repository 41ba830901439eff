//! Where a message goes.

use serde::Deserialize;
use serde_json::{Value, json};
use sovereign_plugin::{Host, PluginError};

use crate::client::{Client, segment};

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
    let key = format!("with/{person}");
    if let Some(room) = client.host.state(&key)? {
        return String::from_utf8(room)
            .map_err(|_| PluginError::failed("the state of this plugin is damaged"));
    }
    let body = json!({"invite": [person], "is_direct": true, "preset": "trusted_private_chat"});
    let room: Room = client.send("POST", "/_matrix/client/v3/createRoom", &body)?;
    client.host.set_state(&key, room.room_id.as_bytes())?;
    Ok(room.room_id)
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
