//! HTML from elsewhere, reduced to what Mastodon shows (its `lib/sanitize_ext/sanitize_config.rb`).

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use regex::{Captures, Regex};

/// Longer documents are cut before they are parsed, in bytes.
const MAX_LENGTH: usize = 256 * 1024;

const TAGS: [&str; 22] = [
    "p",
    "br",
    "span",
    "a",
    "del",
    "s",
    "pre",
    "blockquote",
    "code",
    "b",
    "strong",
    "u",
    "i",
    "em",
    "ul",
    "ol",
    "li",
    "ruby",
    "rt",
    "rp",
    "sub",
    "sup",
];

/// Elements that become others, once their attributes are reduced.
const REPLACED: [&str; 7] = ["h1", "h2", "h3", "h4", "h5", "h6", "img"];

const SCHEMES: [&str; 11] =
    ["http", "https", "dat", "dweb", "ipfs", "ipns", "ssb", "gopher", "xmpp", "magnet", "gemini"];

const CLASSES: [&str; 5] = ["mention", "hashtag", "ellipsis", "invisible", "quote-inline"];
const CLASS_PREFIXES: [&str; 5] = ["h-", "p-", "u-", "dt-", "e-"];

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| cleaner(&TAGS, &[]));
static FIRST_PASS: LazyLock<Builder<'static>> = LazyLock::new(|| cleaner(&TAGS, &REPLACED));

#[expect(clippy::unwrap_used, reason = "constant patterns, compiled in every test run")]
static IMAGE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"<img([^>]*)>").unwrap());
#[expect(clippy::unwrap_used, reason = "constant patterns, compiled in every test run")]
static HEADING: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"<(/?)h[1-6]>").unwrap());

/// Makes HTML from elsewhere harmless: a short list of elements, classes and link schemes stays,
/// headings become strong text, pictures become links, everything else becomes its text. Links
/// carry `rel="nofollow noopener noreferrer"`.
pub fn clean_html(html: &str) -> String {
    let html = cut(html);
    let once = FIRST_PASS.clean(html).to_string();
    if !REPLACED.iter().any(|tag| once.contains(&format!("<{tag}"))) {
        return once;
    }
    // What the cleaner wrote is regular: attributes are quoted, no bracket stands free.
    let linked = IMAGE.replace_all(&once, image_link);
    let replaced = HEADING.replace_all(&linked, |found: &Captures<'_>| {
        if found[1].is_empty() { "<p><strong>" } else { "</strong></p>" }
    });
    CLEANER.clean(&replaced).to_string()
}

fn cut(html: &str) -> &str {
    if html.len() <= MAX_LENGTH {
        return html;
    }
    let end = (0..=MAX_LENGTH).rev().find(|end| html.is_char_boundary(*end)).unwrap_or(0);
    &html[..end]
}

fn cleaner(tags: &[&'static str], replaced: &[&'static str]) -> Builder<'static> {
    let mut attributes: HashMap<&str, HashSet<&str>> = HashMap::from([
        ("a", HashSet::from(["href", "title"])),
        ("ol", HashSet::from(["start", "reversed"])),
        ("li", HashSet::from(["value"])),
    ]);
    if replaced.contains(&"img") {
        attributes.insert("img", HashSet::from(["src", "alt"]));
    }
    let mut cleaner = Builder::new();
    cleaner
        .tags(tags.iter().chain(replaced).copied().collect())
        .generic_attributes(HashSet::from(["class"]))
        .tag_attributes(attributes)
        .url_schemes(HashSet::from(SCHEMES))
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("nofollow noopener noreferrer"))
        .set_tag_attribute_value("a", "target", "_blank")
        .strip_comments(true)
        .attribute_filter(|element, attribute, value| match attribute {
            "class" => allowed_classes(element, value),
            _ => Some(Cow::Borrowed(value)),
        });
    cleaner
}

/// The classes that mean something, on elements that may have them.
fn allowed_classes<'a>(element: &str, value: &'a str) -> Option<Cow<'a, str>> {
    if !matches!(element, "a" | "span" | "p" | "blockquote") {
        return None;
    }
    let kept: Vec<&str> = value
        .split_whitespace()
        .filter(|class| {
            CLASSES.contains(class) || CLASS_PREFIXES.iter().any(|prefix| class.starts_with(prefix))
        })
        .collect();
    (!kept.is_empty()).then(|| Cow::Owned(kept.join(" ")))
}

fn image_link(found: &Captures<'_>) -> String {
    let attribute = |name: &str| {
        let start = found[1].find(&format!(" {name}=\""))? + name.len() + 3;
        let rest = &found[1][start..];
        rest.find('"').map(|end| &rest[..end])
    };
    let Some(source) = attribute("src") else {
        return attribute("alt").unwrap_or_default().to_owned();
    };
    let text = attribute("alt").filter(|alt| !alt.trim().is_empty()).unwrap_or(source);
    let text = text.replace('<', "&lt;").replace('>', "&gt;");
    format!(r#"<a href="{source}">{text}</a>"#)
}

#[cfg(test)]
mod tests {
    use super::clean_html;

    #[test]
    fn what_mastodon_writes_stays() {
        let html = concat!(
            r#"<p><span class="h-card"><a href="https://a.example/@x" "#,
            r#"class="u-url mention" target="_blank" rel="nofollow noopener noreferrer">"#,
            r#"@<span>x</span></a></span> a<br>b <em>c</em></p><blockquote>d</blockquote>"#,
        );
        let clean = clean_html(html);
        assert!(clean.contains(r#"class="u-url mention""#), "{clean}");
        assert!(clean.contains("@<span>x</span></a></span> a<br>b <em>c</em></p>"), "{clean}");
        assert!(clean.contains(r#"rel="nofollow noopener noreferrer""#), "{clean}");
    }

    #[test]
    fn scripts_forms_and_handlers_go() {
        for (dirty, clean) in [
            ("<script>alert(1)</script>x", "x"),
            ("<style>p{}</style>x", "x"),
            (r#"<p onclick="x()">a</p>"#, "<p>a</p>"),
            (r#"<form action="https://evil.example"><input name="p">a</form>"#, "a"),
            (r#"<iframe src="https://evil.example"></iframe>a"#, "a"),
            (r#"<p style="position:fixed">a</p>"#, "<p>a</p>"),
            (r#"<span class="status__content evil">a</span>"#, "<span>a</span>"),
            (r#"<b class="h-card">a</b>"#, "<b>a</b>"),
            ("a<!-- b -->c", "ac"),
            ("<table><tr><td>a</td></tr></table>", "a"),
        ] {
            assert_eq!(clean_html(dirty), clean, "{dirty}");
        }
    }

    #[test]
    fn links_lead_only_where_links_may_lead() {
        for scheme in ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "/inside"] {
            let clean = clean_html(&format!(r#"<a href="{scheme}">a</a>"#));
            assert!(!clean.contains("href"), "{clean}");
        }
        let clean = clean_html(r#"<a href="gemini://a.example" rel="me">a</a>"#);
        assert!(clean.contains(r#"href="gemini://a.example""#), "{clean}");
        assert!(clean.contains(r#"rel="nofollow noopener noreferrer""#), "{clean}");
        assert!(!clean.contains("\"me\""), "{clean}");
    }

    #[test]
    fn headings_become_strong_and_pictures_become_links() {
        assert_eq!(clean_html("<h1 class=\"x\">a</h1>b"), "<p><strong>a</strong></p>b");
        let clean =
            clean_html(r#"<img src="https://a.example/x.png" alt="a <b> c" onerror="x()">"#);
        assert!(clean.contains(r#"href="https://a.example/x.png""#), "{clean}");
        assert!(clean.contains(">a &lt;b&gt; c</a>"), "{clean}");
        assert!(!clean.contains("onerror") && !clean.contains("<img"), "{clean}");
        let odd = clean_html(r#"<img alt='"><script>x</script>' src='https://a.example/"x'>"#);
        assert!(!odd.contains("<script"), "{odd}");
    }

    #[test]
    fn broken_html_ends_well() {
        assert_eq!(clean_html("<p>a<b>b"), "<p>a<b>b</b></p>");
        assert_eq!(clean_html("a < b > c"), "a &lt; b &gt; c");
    }
}
