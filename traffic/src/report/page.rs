use askama::Template;

use super::Report;
use crate::verdict::{Conclusion, Finding};

const UPLOT_STYLE: &str = include_str!("../../vendor/uplot/uPlot.min.css");
const UPLOT: &str = include_str!("../../vendor/uplot/uPlot.iife.min.js");

/// The page, with everything in it.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    class: &'static str,
    report: &'a Report<'a>,
    /// The report as JSON. Nothing in it can end its element.
    data: String,
    findings: Vec<&'a Finding>,
    uplot_style: &'static str,
    uplot: &'static str,
}

/// The page of a report.
pub(super) fn render(report: &Report<'_>, json: &str) -> Result<String, askama::Error> {
    let verdict = report.verdict;
    let class = match verdict.conclusion {
        Conclusion::Clean => "clean",
        Conclusion::Broken => "broken",
        Conclusion::CantTell => "cant-tell",
    };
    let data = json.replace('<', "\\u003c");
    let findings = verdict.findings.iter().chain(&verdict.doubts).collect();
    Page { class, report, data, findings, uplot_style: UPLOT_STYLE, uplot: UPLOT }.render()
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
        render(&report, &json).unwrap()
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
