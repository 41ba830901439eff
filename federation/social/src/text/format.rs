//! Plain text as HTML, in the shape that Mastodon writes (its `app/lib/text_formatter.rb`).

use std::collections::HashMap;

use html_escape::{encode_double_quoted_attribute, encode_text};

use super::entities::{Entity, MentionText, find_entities};

/// Characters of a link that are shown, after its scheme.
const SHOWN: usize = 30;

/// Someone a text mentions: known, so that the mention is a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mentioned {
    /// The user name as its owner writes it.
    pub username: String,
    /// The host, for someone elsewhere.
    pub domain: Option<String>,
    /// The page that the mention leads to.
    pub url: String,
}

/// Text with paragraphs, line breaks, links, mentions of `known` people and hashtags. Who is not
/// known stays plain text. `origin` has no slash at its end.
pub fn format_text(text: &str, known: &HashMap<MentionText, Mentioned>, origin: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let mut html = String::with_capacity(text.len() * 2);
    for paragraph in paragraphs(&text) {
        html.push_str("<p>");
        for (number, line) in paragraph.split('\n').enumerate() {
            if number > 0 {
                html.push_str("<br />");
            }
            push_line(&mut html, line, known, origin);
        }
        html.push_str("</p>");
    }
    html
}

/// One line (a profile field) with links, mentions and hashtags, in no paragraph.
pub fn format_line(text: &str, known: &HashMap<MentionText, Mentioned>, origin: &str) -> String {
    let mut html = String::with_capacity(text.len() * 2);
    push_line(&mut html, text.trim(), known, origin);
    html
}

/// Parts separated by one or more empty lines.
fn paragraphs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.trim_matches('\n');
    std::iter::from_fn(move || {
        if rest.trim().is_empty() {
            return None;
        }
        let (paragraph, after) = rest.split_once("\n\n").unwrap_or((rest, ""));
        rest = after.trim_start_matches('\n');
        Some(paragraph)
    })
}

fn push_line(html: &mut String, line: &str, known: &HashMap<MentionText, Mentioned>, origin: &str) {
    let mut written = 0;
    for (range, entity) in find_entities(line) {
        html.push_str(&encode_text(&line[written..range.start]));
        let source = &line[range.clone()];
        match entity {
            Entity::Link => push_link(html, source),
            Entity::Hashtag(name) => push_hashtag(html, &name, origin),
            Entity::Mention(mention) => match known.get(&mention) {
                Some(person) => push_mention(html, person, known),
                None => html.push_str(&encode_text(source)),
            },
        }
        written = range.end;
    }
    html.push_str(&encode_text(&line[written..]));
}

/// A link whose scheme and far end are there for copying, not for reading.
fn push_link(html: &mut String, link: &str) {
    let after_scheme = link.find("://").map_or(0, |at| at + 3);
    let prefix = match link.get(after_scheme..after_scheme + 4) {
        Some(head) if head.eq_ignore_ascii_case("www.") => after_scheme + 4,
        _ => after_scheme,
    };
    let shown_end = link[prefix..].char_indices().nth(SHOWN).map(|(at, _)| prefix + at);
    let class = if shown_end.is_some() { "ellipsis" } else { "" };
    let shown_end = shown_end.unwrap_or(link.len());
    html.push_str(r#"<a href=""#);
    html.push_str(&encode_double_quoted_attribute(link));
    html.push_str(
        r#"" target="_blank" rel="nofollow noopener noreferrer" translate="no"><span class="invisible">"#,
    );
    html.push_str(&encode_text(&link[..prefix]));
    html.push_str(r#"</span><span class=""#);
    html.push_str(class);
    html.push_str(r#"">"#);
    html.push_str(&encode_text(&link[prefix..shown_end]));
    html.push_str(r#"</span><span class="invisible">"#);
    html.push_str(&encode_text(&link[shown_end..]));
    html.push_str("</span></a>");
}

fn push_hashtag(html: &mut String, name: &str, origin: &str) {
    html.push_str(r#"<a href=""#);
    html.push_str(&encode_double_quoted_attribute(origin));
    html.push_str("/tags/");
    html.push_str(&encode_double_quoted_attribute(&name.to_lowercase()));
    html.push_str(r##"" class="mention hashtag" rel="tag">#<span>"##);
    html.push_str(&encode_text(name));
    html.push_str("</span></a>");
}

fn push_mention(html: &mut String, person: &Mentioned, known: &HashMap<MentionText, Mentioned>) {
    let same_name = |other: &Mentioned| {
        other.username.eq_ignore_ascii_case(&person.username) && other.domain != person.domain
    };
    html.push_str(r#"<span class="h-card" translate="no"><a href=""#);
    html.push_str(&encode_double_quoted_attribute(&person.url));
    html.push_str(r#"" class="u-url mention">@<span>"#);
    html.push_str(&encode_text(&person.username));
    if let Some(domain) = person.domain.as_ref().filter(|_| known.values().any(same_name)) {
        html.push('@');
        html.push_str(&encode_text(domain));
    }
    html.push_str("</span></a></span>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(text: &str) -> String {
        format_text(text, &HashMap::new(), "https://here.example")
    }

    #[test]
    fn paragraphs_and_lines() {
        assert_eq!(format("a\nb\n\nc\n\n\n\nd\n"), "<p>a<br />b</p><p>c</p><p>d</p>");
        assert_eq!(format("a\r\n\r\nb"), "<p>a</p><p>b</p>");
        assert_eq!(format(""), "");
        assert_eq!(format(" \n "), "");
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(format("<b>1 & 2</b>"), "<p>&lt;b&gt;1 &amp; 2&lt;/b&gt;</p>");
    }

    #[test]
    fn a_long_link_is_shortened_for_the_eye_only() {
        let html = format("https://www.example.com/a/very/long/path/that/nobody/reads?x=1&y=2");
        assert_eq!(
            html,
            concat!(
                r#"<p><a href="https://www.example.com/a/very/long/path/that/nobody/reads?x=1&amp;y=2" "#,
                r#"target="_blank" rel="nofollow noopener noreferrer" translate="no">"#,
                r#"<span class="invisible">https://www.</span>"#,
                r#"<span class="ellipsis">example.com/a/very/long/path/t</span>"#,
                r#"<span class="invisible">hat/nobody/reads?x=1&amp;y=2</span></a></p>"#,
            )
        );
        assert!(format("http://a.example").contains(r#"<span class="">a.example</span>"#));
    }

    #[test]
    fn known_people_are_links_and_others_stay_text() {
        let person = |domain: Option<&str>, url: &str| Mentioned {
            username: "Alice".to_owned(),
            domain: domain.map(str::to_owned),
            url: url.to_owned(),
        };
        let text = |host: Option<&str>| MentionText {
            username: "alice".to_owned(),
            host: host.map(str::to_owned),
        };
        let mut known = HashMap::from([(text(None), person(None, "https://here.example/@Alice"))]);
        let html = format_text("@alice @bob", &known, "https://here.example");
        assert_eq!(
            html,
            concat!(
                r#"<p><span class="h-card" translate="no"><a href="https://here.example/@Alice" "#,
                r#"class="u-url mention">@<span>Alice</span></a></span> @bob</p>"#,
            )
        );
        known.insert(
            text(Some("there.example")),
            person(Some("there.example"), "https://there.example/@Alice"),
        );
        let html = format_text("@alice@there.example", &known, "https://here.example");
        assert!(html.contains("@<span>Alice@there.example</span>"), "{html}");
    }

    #[test]
    fn hashtags_lead_to_their_page() {
        assert_eq!(
            format("#Rust!"),
            concat!(
                r#"<p><a href="https://here.example/tags/rust" class="mention hashtag" rel="tag">"#,
                "#<span>Rust</span></a>!</p>",
            )
        );
    }
}
