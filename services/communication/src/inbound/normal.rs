//! What services say, in our form. No I/O.

use chrono::{DateTime, Utc};
use contracts::events::communication::AttachedFile;
use contracts::input;
use contracts::plugins::{Attachment, CallRecord, ChannelEvent, InboundMessage, Receipt};

use crate::Address;

/// Most recipients of a message that are looked at.
const MOST_RECIPIENTS: usize = 50;
/// Most files of a message that are kept.
const MOST_FILES: usize = 50;
/// The longest text that is kept of a message that came in.
const LONGEST_TEXT: usize = 100_000;
/// The longest id that a service gives.
const LONGEST_ID: usize = 300;
/// The longest of what a service says about a message.
const LONGEST_DETAIL: usize = 500;
/// The longest name, and the longest address of a file.
const LONGEST_NAME: usize = 200;
const LONGEST_URL: usize = 2_000;

/// With its addresses in their normal form, and its texts such as Postgres keeps.
pub(super) fn of(event: ChannelEvent) -> ChannelEvent {
    let id = |id: &str| input::kept(id, LONGEST_ID);
    match event {
        ChannelEvent::Received(mut message) => {
            message.attachments.truncate(MOST_FILES);
            ChannelEvent::Received(InboundMessage {
                external_id: id(&message.external_id),
                sender: address(&message.sender),
                to: message.to.iter().take(MOST_RECIPIENTS).map(|to| address(to)).collect(),
                text: input::kept(&message.text, LONGEST_TEXT),
                in_reply_to: message.in_reply_to.as_deref().map(id),
                ..message
            })
        }
        ChannelEvent::Status(receipt) => ChannelEvent::Status(Receipt {
            external_id: id(&receipt.external_id),
            detail: receipt.detail.map(|detail| input::kept(&detail, LONGEST_DETAIL)),
            ..receipt
        }),
        ChannelEvent::Call(call) => ChannelEvent::Call(CallRecord {
            external_id: id(&call.external_id),
            from: address(&call.from),
            to: address(&call.to),
            ..call
        }),
    }
}

/// An address in its normal form; what is none (`anonymous`, a short number) as it is.
fn address(text: &str) -> String {
    Address::parse(text).map_or_else(|| input::kept(text, 255), |known| known.as_str().to_owned())
}

/// The addresses of whoever takes part.
pub(crate) fn addresses(event: &ChannelEvent) -> Vec<&str> {
    match event {
        ChannelEvent::Received(message) => {
            std::iter::once(&message.sender).chain(&message.to).map(String::as_str).collect()
        }
        ChannelEvent::Call(call) => vec![&call.from, &call.to],
        ChannelEvent::Status(_) => Vec::new(),
    }
}

/// A time that a service gives, unless no clock is off by so much: ahead of ours, or before there were any.
pub(super) fn plausible(time: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    let ahead = time > now + chrono::TimeDelta::minutes(5);
    if ahead || time < DateTime::UNIX_EPOCH { now } else { time }
}

/// What is shown of a file. One without bytes is an address, which stands in for its name.
pub(super) fn file(attachment: &Attachment) -> AttachedFile {
    let media_type = input::kept(&attachment.media_type, LONGEST_NAME);
    let name = attachment.name.trim();
    if attachment.data.is_empty() && name.contains("://") {
        let url = Some(input::kept(name, LONGEST_URL));
        return AttachedFile { name: None, media_type, bytes: 0, url };
    }
    let plain = name.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_NAME);
    AttachedFile {
        name: Some(plain.collect()).filter(|name: &String| !name.is_empty()),
        media_type,
        bytes: attachment.data.len() as u64,
        url: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_is_brought_into_our_form() {
        let call = CallRecord {
            external_id: "CA\u{0}1".to_owned(),
            from: "+43 660 1234567".to_owned(),
            to: "anonymous".to_owned(),
            status: "ringing".to_owned(),
            seconds: None,
            at: DateTime::UNIX_EPOCH,
        };
        let ChannelEvent::Call(call) = of(ChannelEvent::Call(call)) else { panic!() };
        assert_eq!(
            (&*call.external_id, &*call.from, &*call.to),
            ("CA\u{fffd}1", "+436601234567", "anonymous")
        );
    }

    #[test]
    fn a_service_whose_clock_is_ahead_does_not_make_the_future() {
        let hour = chrono::TimeDelta::hours(1);
        let now = DateTime::UNIX_EPOCH + hour * 5;
        assert_eq!(plausible(now + hour, now), now);
        assert_eq!(plausible(now - hour, now), now - hour);
        assert_eq!(plausible(now - hour * 9, now), now);
    }

    #[test]
    fn a_file_is_its_bytes_or_its_address() {
        let attachment = |name: &str, data: &[u8]| Attachment {
            name: name.to_owned(),
            media_type: "image/png".to_owned(),
            data: data.to_vec(),
        };
        let kept = file(&attachment("a\r\nb.png", b"123"));
        assert_eq!((kept.name.as_deref(), kept.bytes, kept.url), (Some("a  b.png"), 3, None));
        let far = file(&attachment("mxc://example.org/1", b""));
        assert_eq!(
            (far.name, far.bytes, far.url.as_deref()),
            (None, 0, Some("mxc://example.org/1"))
        );
    }
}
