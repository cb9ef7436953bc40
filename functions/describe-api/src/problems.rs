//! A page for each kind of problem, from its section in the documentation.

use std::collections::BTreeMap;

use waybill::http::Kind;

use crate::html::{escape, page};
use crate::markdown;

/// The documentation. A test of `waybill` checks that it has a section for each kind.
const DOCUMENTATION: &str = include_str!("../../../docs/problems.md");

/// The pages, by code.
pub(crate) fn render() -> BTreeMap<&'static str, String> {
    Kind::ALL.iter().map(|kind| (kind.code(), problem(*kind))).collect()
}

fn problem(kind: Kind) -> String {
    let section = DOCUMENTATION
        .split("\n## ")
        .find_map(|section| section.strip_prefix(kind.code())?.strip_prefix('\n'))
        .unwrap_or_default();
    // The title is already the heading.
    let (_, section) = section.trim().split_once('\n').unwrap_or_default();
    let body = format!(
        "<main>\n<p class=\"status\">{status}</p>\n<h1>{title}</h1>\n\
         <p class=\"type\"><code>{path}</code></p>\n{section}\
         <p><a href=\"../docs\">API documentation</a></p>\n</main>\n",
        status = kind.status().as_u16(),
        title = escape(kind.title()),
        path = kind.path(),
        section = markdown::render(section),
    );
    page(&format!("{}: {}", kind.code(), kind.title()), &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_says_when_and_what_to_do_and_has_an_example() {
        for (code, html) in render() {
            assert!(html.matches("<p>").count() >= 3, "{code}: {html}");
            assert!(html.contains("<pre>"), "{code}");
            let kind = format!("&quot;type&quot;: &quot;/problems/{code}&quot;");
            assert!(html.contains(&kind), "{code}: {html}");
        }
    }
}
