//! A page for each kind of problem, from its section in the documentation.

use std::collections::BTreeMap;

use askama::Template;
use pulldown_cmark::{Parser, html};
use waybill::http::Kind;

/// The documentation. A test of `waybill` checks that it has a section for each kind.
const DOCUMENTATION: &str = include_str!("../../../docs/problems.md");

/// The page of a kind of problem.
#[derive(Template)]
#[template(path = "problem.html")]
struct Page {
    kind: Kind,
    /// HTML.
    section: String,
}

/// The pages, by code.
pub(crate) fn render() -> Result<BTreeMap<&'static str, String>, askama::Error> {
    Kind::ALL.iter().map(|kind| Ok((kind.code(), page(*kind)?))).collect()
}

fn page(kind: Kind) -> Result<String, askama::Error> {
    let section = DOCUMENTATION
        .split("\n## ")
        .find_map(|section| section.strip_prefix(kind.code())?.strip_prefix('\n'))
        .unwrap_or_default();
    // The title is already the heading.
    let (_, markdown) = section.trim().split_once('\n').unwrap_or_default();
    let mut section = String::new();
    html::push_html(&mut section, Parser::new(markdown));
    Page { kind, section }.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_says_when_and_what_to_do_and_has_an_example() {
        for (code, html) in render().unwrap() {
            assert!(html.matches("<p>").count() >= 3, "{code}: {html}");
            assert!(html.contains("<pre>"), "{code}");
            let kind = format!("\"type\": \"/problems/{code}\"");
            assert!(html.contains(&kind), "{code}: {html}");
        }
    }
}
