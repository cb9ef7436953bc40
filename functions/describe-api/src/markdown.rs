//! The Markdown of `docs/problems.md`: paragraphs, fenced code, `code` and links.
//! Everything else stays as it is.

use crate::html::{escape, put};

/// Renders `text` as HTML.
pub(crate) fn render(text: &str) -> String {
    let mut html = String::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(code) = rest.strip_prefix("```") {
            let (_, code) = code.split_once('\n').unwrap_or(("", code));
            let (code, after) = code.split_once("```").unwrap_or((code, ""));
            put!(html, "<pre><code>{}</code></pre>\n", escape(code.trim_end()));
            rest = after.trim_start();
        } else {
            let (paragraph, after) = rest.split_once("\n\n").unwrap_or((rest, ""));
            put!(html, "<p>{}</p>\n", inline(paragraph));
            rest = after.trim_start();
        }
    }
    html
}

fn inline(text: &str) -> String {
    let mut html = String::new();
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 {
            put!(html, "<code>{}</code>", escape(part));
        } else {
            html.push_str(&links(part));
        }
    }
    html
}

fn links(text: &str) -> String {
    let link = text.split_once('[').and_then(|(before, rest)| {
        let (label, rest) = rest.split_once("](")?;
        let (address, after) = rest.split_once(')')?;
        Some((before, label, address, after))
    });
    match link {
        None => escape(text),
        Some((before, label, address, after)) => format!(
            "{}<a href=\"{}\">{}</a>{}",
            escape(before),
            escape(address),
            escape(label),
            links(after)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_code_and_links_become_html_and_nothing_else_does() {
        let text = "One `a < b`.\nTwo <b>.\n\n```json\n{\n\n}\n```\n\n[x](/y) and [z](w).";
        assert_eq!(
            render(text),
            "<p>One <code>a &lt; b</code>.\nTwo &lt;b&gt;.</p>\n<pre><code>{\n\n}</code></pre>\n\
             <p><a href=\"/y\">x</a> and <a href=\"w\">z</a>.</p>\n"
        );
    }
}
