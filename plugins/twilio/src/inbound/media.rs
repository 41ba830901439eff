//! Pictures and other files of a message.
//!
//! They lie behind the account's own sign-in, which leads on to an address that is good for some hours. What cannot be
//! had in the time that Twilio waits for an answer is passed on as its address.

use sovereign_plugin::channel::Attachment;
use sovereign_plugin::{Host, Request};

use super::Parameters;
use crate::SECRET;
use crate::settings::Settings;

/// How many files of a message are looked at; Twilio sends at most 10.
const MOST: usize = 10;
/// Twilio waits for 15 s, and the node needs some of them for itself.
const TIME_MILLISECONDS: u64 = 7_000;
const TIME_FOR_ONE_MILLISECONDS: u32 = 4_000;
/// All of a message's files together; Twilio takes 5 MB.
const MOST_BYTES: usize = 6 << 20;

/// The files of a message.
pub fn of<H: Host>(host: &H, settings: &Settings, parameters: &Parameters) -> Vec<Attachment> {
    let until = host.now() + TIME_MILLISECONDS;
    let mut bytes_left = MOST_BYTES;
    let mut files = Vec::new();
    for number in 0..MOST {
        let Some(url) = parameters.get(&format!("MediaUrl{number}")) else { break };
        let media_type = parameters.get(&format!("MediaContentType{number}"));
        let media_type = media_type.filter(|kind| is_media_type(kind));
        let media_type = media_type.unwrap_or("application/octet-stream").to_owned();
        let data = if host.now() < until { fetch(host, settings, url) } else { None };
        let data = data.filter(|data| !data.is_empty() && data.len() <= bytes_left);
        files.push(match data {
            Some(data) => {
                bytes_left -= data.len();
                let name = url.rsplit('/').next().unwrap_or_default();
                Attachment { name: name.chars().take(100).collect(), media_type, data }
            }
            None => {
                Attachment { name: url.chars().take(480).collect(), media_type, data: Vec::new() }
            }
        });
    }
    files
}

fn fetch<H: Host>(host: &H, settings: &Settings, url: &str) -> Option<Vec<u8>> {
    let request = Request::get(url).timeout(TIME_FOR_ONE_MILLISECONDS);
    match request.basic(&settings.account_sid, SECRET).send(host) {
        Ok(answer) if answer.status == 200 => Some(answer.body),
        Ok(answer) => {
            host.warn(&format!("a file of a message is not to be had: {}", answer.status));
            None
        }
        Err(error) => {
            host.warn(&format!("a file of a message is not to be had: {error:?}"));
            None
        }
    }
}

fn is_media_type(text: &str) -> bool {
    text.len() <= 200 && text.contains('/') && !text.chars().any(char::is_control)
}
