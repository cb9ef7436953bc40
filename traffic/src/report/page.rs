use std::fmt::Write as _;

use crate::verdict::{Conclusion, Finding};

use super::Report;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
const UPLOT_STYLE: &str = include_str!("../../vendor/uplot/uPlot.min.css");
const UPLOT: &str = include_str!("../../vendor/uplot/uPlot.iife.min.js");

/// The page, with everything in it.
pub(super) fn render(report: &Report<'_>, json: &str) -> String {
    let verdict = report.verdict;
    let class = match verdict.conclusion {
        Conclusion::Clean => "clean",
        Conclusion::Broken => "broken",
        Conclusion::CantTell => "cant-tell",
    };
    // Nothing in the data can end its element.
    let data = json.replace('<', "\\u003c");
    let parts = [
        ("{{class}}", class.to_owned()),
        ("{{conclusion}}", verdict.conclusion.to_string()),
        ("{{findings}}", findings(&verdict.findings, &verdict.doubts)),
        ("{{text}}", escape(&format!("{verdict}\n\n{}", report.summary))),
        ("{{run}}", run(report)),
        ("{{style}}", format!("{UPLOT_STYLE}\n{STYLE}")),
        ("{{uplot}}", UPLOT.to_owned()),
        ("{{script}}", SCRIPT.to_owned()),
        ("{{data}}", data),
    ];
    parts.iter().fold(PAGE.to_owned(), |page, (name, part)| page.replacen(name, part, 1))
}

fn run(report: &Report<'_>) -> String {
    let run = report.run;
    escape(&format!(
        "{}, seed {}, {} at {} requests/s, {} customers, at most {} in flight",
        run.started_at, run.seed, run.mode, run.rate, run.customers, run.in_flight
    ))
}

fn findings(findings: &[Finding], doubts: &[Finding]) -> String {
    let mut list = String::new();
    for finding in findings.iter().chain(doubts) {
        let _ = write!(list, "<li><b>{}</b> ({})<ul>", escape(&finding.kind), finding.count);
        for example in &finding.examples {
            let _ = write!(list, "<li>{}</li>", escape(example));
        }
        list.push_str("</ul></li>");
    }
    if list.is_empty() { list } else { format!("<ul class=\"findings\">{list}</ul>") }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::summarize;
    use super::*;
    use crate::history::{Outcome, sample};
    use crate::verdict::judge;

    fn rendered(outcome: Option<Outcome>) -> String {
        let mut history = sample::clean();
        if let Some(outcome) = outcome {
            history.calls[1].outcome = outcome;
        }
        let verdict = judge(&history);
        let report = Report {
            verdict: &verdict,
            run: &history.run,
            summary: summarize(&history),
            changes: &[],
            faults: &[],
            seconds: &[],
            usage: &[],
        };
        let json = serde_json::to_string(&report).unwrap();
        render(&report, &json)
    }

    #[test]
    fn the_page_loads_nothing_and_has_the_verdict_on_top() {
        let page = rendered(None);
        assert!(!page.contains("{{"), "a part is missing");
        let style = page.find("<main").unwrap();
        assert!(page[style..].find("clean").unwrap() < 200);
        for word in ["src=", "href=", "@import", "url("] {
            assert!(!page.contains(word), "{word}");
        }
    }

    #[test]
    fn texts_of_the_service_are_escaped() {
        let body = "</script><script>alert(1)</script>".to_owned();
        let page = rendered(Some(Outcome::Placed { id: sample::id(0), replayed: true, body }));
        assert!(page.contains("replay-differs") && !page.contains("<script>alert"));
    }
}
