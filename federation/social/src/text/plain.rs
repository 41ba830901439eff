//! Clean HTML as plain text: for previews, search and notifications.

use html_escape::decode_html_entities;

/// The text of HTML that [`super::clean_html`] or [`super::format_text`] wrote. Paragraphs end with
/// an empty line, `<br>` with a line.
pub fn plain_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        let Some(end) = rest[start..].find('>') else { break };
        let tag = &rest[start + 1..start + end];
        let name: String =
            tag.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '/').collect();
        match name.trim_end_matches('/') {
            "br" => text.push('\n'),
            "/p" | "/blockquote" | "/pre" | "/ul" | "/ol" => text.push_str("\n\n"),
            "/li" => text.push('\n'),
            "li" => text.push_str("- "),
            _ => {}
        }
        rest = &rest[start + end + 1..];
    }
    text.push_str(rest);
    let text = decode_html_entities(&text);
    text.trim().replace("\n\n\n", "\n\n")
}

#[cfg(test)]
mod tests {
    use super::plain_text;

    #[test]
    fn blocks_become_lines() {
        assert_eq!(plain_text("<p>a<br>b</p><p>c &amp; <em>d</em></p>"), "a\nb\n\nc & d");
        assert_eq!(plain_text("<ul><li>a</li><li>b</li></ul>c"), "- a\n- b\n\nc");
        assert_eq!(plain_text("a &lt;b&gt; c"), "a <b> c");
        assert_eq!(plain_text(""), "");
    }
}
