//! Feeds that mean harm.

use std::fmt::Write;

use rss::parse;

const NOW: u64 = 1_767_225_600_000;
const URL: &str = "https://blog.example/feed";

/// A panic or an exhausted stack would count against the plugin, and in the end rest it for everybody.
#[test]
fn whatever_is_damaged_is_read_or_refused() {
    let mut bodies = Vec::new();
    for path in super::corpus::feeds() {
        bodies.push(std::fs::read(path).unwrap());
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        usize::try_from(state >> 33).unwrap() % below.max(1)
    };
    for round in 0..1500 {
        let mut body = bodies[round % bodies.len()].clone();
        body.truncate(20_000);
        for _ in 0..=random(8) {
            let at = random(body.len());
            match random(4) {
                0 => body[at] = u8::try_from(random(256)).unwrap(),
                1 => drop(body.drain(at..(at + random(40)).min(body.len()))),
                2 => body.truncate(at.max(1)),
                _ => {
                    let piece = body[at..(at + random(200)).min(body.len())].to_vec();
                    body.splice(at..at, piece);
                }
            }
            if body.is_empty() {
                body.push(b'<');
            }
        }
        let _outcome = parse(&body, URL, NOW);
    }
}

#[test]
fn deep_nesting_is_read_or_refused() {
    let depth = 200_000;
    let (open, close) = ("<a>".repeat(depth), "</a>".repeat(depth));
    for place in ["title", "description", "x", "content:encoded"] {
        let body = format!(
            "<rss version=\"2.0\"><channel><item><{place}>{open}{close}</{place}></item></channel></rss>"
        );
        let _outcome = parse(body.as_bytes(), URL, NOW);
    }
    let xhtml = format!(
        "<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry><content type=\"xhtml\">{open}{close}</content></entry></feed>"
    );
    let _outcome = parse(xhtml.as_bytes(), URL, NOW);
    let json = format!("{{\"version\":\"1\",\"items\":{}", "[".repeat(depth));
    assert!(parse(json.as_bytes(), URL, NOW).is_err());
}

#[test]
fn entities_do_not_multiply() {
    let mut body = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\">".to_owned();
    for (name, of) in [('b', 'a'), ('c', 'b'), ('d', 'c'), ('e', 'd'), ('f', 'e'), ('g', 'f')] {
        write!(body, "<!ENTITY {name} \"{}\">", format!("&{of};").repeat(10)).unwrap();
    }
    body.push_str(
        "]><rss version=\"2.0\"><channel><item><title>&g;</title></item></channel></rss>",
    );
    if let Ok(feed) = parse(body.as_bytes(), URL, NOW) {
        let title = feed.entries.first().and_then(|entry| entry.title.as_ref());
        assert!(title.is_none_or(|title| title.len() < 1000));
    }
}
