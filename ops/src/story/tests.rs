//! Stories of recorded lines: what the functions of a local stack wrote, with nothing changed.

use super::{Recorded, Story, render, tell};

const PLACED: &str = include_str!("tests/placed.jsonl");
const MAILED: &str = include_str!("tests/mailed.jsonl");
const REPLAYED: &str = include_str!("tests/replayed.jsonl");
const REFUSED: &str = include_str!("tests/refused.jsonl");
const CANCELLED: &str = include_str!("tests/cancelled.jsonl");
const REDRIVEN: &str = include_str!("tests/redriven.jsonl");
const WAREHOUSE_REFUSED: &str = include_str!("tests/warehouse_refused.jsonl");

fn recorded(lines: &str) -> Recorded {
    let mut recorded = Recorded::default();
    lines.lines().for_each(|line| recorded.add(line));
    recorded
}

fn story(lines: &str, subject: &str) -> Story {
    tell(&recorded(lines), &subject.parse().unwrap()).unwrap()
}

/// Each bar with its log lines, indented. Events are sent together, in any order, so they are named
/// alike.
fn outline(story: &Story) -> Vec<String> {
    let mut outline = Vec::new();
    story.walk(&mut |bar, depth| {
        let (indent, mark) = ("  ".repeat(depth), if bar.has_failed { "! " } else { "" });
        let title = bar.title.replace("OrderPlaced", "event").replace("OrderConfirmed", "event");
        let what = format!("{title} {}", bar.result);
        outline.push(format!("{indent}{mark}{}: {}", bar.place, what.trim_end()));
        let lines = bar.lines.iter();
        outline.extend(lines.map(|line| format!("{indent}  {} {}", line.level, line.message)));
    });
    outline
}

/// The part of every story until the order is confirmed.
const CONFIRMED: [&str; 12] = [
    "create-order: POST /orders 201",
    "  INFO request completed",
    "  create-order: place_order",
    "  create-order: send job to FulfillmentQueue",
    "  FulfillmentQueue: wait in the queue",
    "  fulfill-order: process message confirmed",
    "    INFO order confirmed",
    "    fulfill-order: confirm_orders",
    "  fulfill-order: send event to waybill",
    "  fulfill-order: send event to waybill",
    "    INFO message relayed",
    "    INFO message relayed",
];

#[test]
fn a_placed_order_is_followed_from_its_request_to_its_events() {
    let story = story(PLACED, "placed-1");
    assert_eq!(outline(&story), CONFIRMED);
    assert!(story.number.as_deref().unwrap().starts_with("ORD-20261124-"));
    assert_eq!(story.correlation_ids, ["placed-1"]);
    assert!(story.loose.is_empty(), "{:?}", story.loose);
    let text = render(&story).join("\n");
    for event in ["OrderPlaced", "OrderConfirmed"] {
        assert!(text.contains(&format!("send {event} to waybill")), "{text}");
    }
}

#[test]
fn an_order_is_followed_from_its_request_over_its_events_to_its_mails() {
    let story = story(MAILED, "mailed-1");
    let outline = outline(&story);
    assert_eq!(outline[..12], CONFIRMED);
    // Both events came in one batch. Neither wait is a redrive, and each mail has its own line.
    let mail = [
        "  notify-customer: process event sent",
        "    INFO mail sent",
        "    notify-customer: claim_notifications (batch of 2)",
        "    notify-customer: SES/SendEmail",
        "    notify-customer: settle_notification",
    ];
    let waits = ["  NotificationQueue: wait in the queue"; 2];
    assert_eq!(outline[12..], [&waits[..], &mail, &mail].concat());
    let mut mails = Vec::new();
    story.walk(&mut |bar, _| {
        let of_event = bar.title.strip_prefix("process Order");
        mails.extend(of_event.map(|event| (event, bar.lines[0].fields["event"].clone())));
    });
    let expected = ["Placed", "Confirmed"].map(|it| (it, format!("Order{it}")));
    assert_eq!(mails, expected);
    assert!(story.loose.is_empty(), "{:?}", story.loose);
}

#[test]
fn a_replay_is_another_request_of_the_same_order() {
    let story = story(REPLAYED, "replayed-2");
    let outline = outline(&story);
    assert_eq!(outline[..12], CONFIRMED);
    assert_eq!(
        outline[12..],
        [
            "create-order: POST /orders 201 replayed",
            "  INFO returned the order of an earlier request with the same key",
            "  INFO request completed",
            "  create-order: place_order",
            "  create-order: get_order",
        ]
    );
    assert_eq!(story.correlation_ids, ["replayed-1", "replayed-2"]);
}

#[test]
fn a_refused_request_has_a_story_without_an_order() {
    let story = story(REFUSED, "refused-1");
    assert_eq!(
        outline(&story),
        [
            "create-order: POST /orders 409 insufficient-stock",
            "  INFO request refused",
            "  INFO request completed",
            "  create-order: place_order",
        ]
    );
    assert_eq!((story.order_id, story.number), (None, None));
}

#[test]
fn a_cancel_is_a_request_with_its_own_trace() {
    let outline = outline(&story(CANCELLED, "cancelled-1"));
    assert_eq!(outline[..12], CONFIRMED);
    assert_eq!(
        outline[12..],
        [
            "cancel-order: PATCH /orders/{id}/cancel 200",
            "  INFO request completed",
            "  cancel-order: change_status",
        ]
    );
}

#[test]
fn a_dead_letter_comes_after_five_tries_and_a_redrive_after_that() {
    let story = story(REDRIVEN, "ORD-20260221-ADAW0-0Z5SN-T190N");
    let mut expected = Vec::new();
    for wait in [
        "wait in the queue",
        "wait for try 2",
        "wait for try 3",
        "wait for try 4",
        "wait for try 5",
    ] {
        expected.push(format!("FulfillmentQueue: {wait}"));
        expected.extend(failed_try());
    }
    expected.push("! FulfillmentQueue: dead letter after 5 tries".to_owned());
    expected.push("FulfillmentQueue: wait after redrive".to_owned());
    expected.extend(failed_try());
    assert_eq!(outline(&story), expected);
    // A wait begins where the try before it ended.
    let ends: Vec<_> = story.bars.windows(2).map(|bars| (bars[0].end, bars[1].start)).collect();
    assert!(ends[1..9].iter().all(|(end, start)| end == start), "{ends:?}");
}

fn failed_try() -> [String; 3] {
    [
        "! fulfill-order: process message order not found".to_owned(),
        "  ERROR order not found".to_owned(),
        "  fulfill-order: confirm_orders".to_owned(),
    ]
}

#[test]
fn a_second_copy_of_a_job_that_is_no_dead_letter_is_no_redrive() {
    // As if an answer of SQS had been lost: the last message came after one that had failed only once.
    let lines: Vec<&str> = REDRIVEN.lines().collect();
    let is_try = |line: &&&str| line.contains("resourceSpans");
    let (first, last) = (lines.iter().find(is_try), lines.iter().rev().find(is_try));
    let copies = [*first.unwrap(), *last.unwrap()].join("\n");
    let outline = outline(&story(&copies, "dead-1"));
    assert!(outline.contains(&"FulfillmentQueue: wait of a second copy".to_owned()), "{outline:?}");
}

#[test]
fn a_refusal_of_the_warehouse_shows_each_of_its_answers() {
    let number = "ORD-20261124-FQ57Z-2SQ72-DXCZ4";
    let outline = outline(&story(WAREHOUSE_REFUSED, number));
    assert_eq!(outline[..5], CONFIRMED[..5]);
    assert_eq!(
        outline[5..],
        [
            "  ! fulfill-order: process message refused",
            "    WARN warehouse request failed; retrying",
            "    ERROR order refused by the warehouse; its job is in the dead-letter queue",
            "    fulfill-order: get_statuses",
            "    ! fulfill-order: POST 127.0.0.1 503 not now",
            "    ! fulfill-order: POST 127.0.0.1 422 refused",
            "    fulfill-order: refuse_orders",
            "    fulfill-order: send job to FulfillmentDeadLetterQueue",
            "  fulfill-order: send event to waybill",
            "    INFO message relayed",
        ]
    );
}

#[test]
fn lines_without_a_trace_are_a_story_too() {
    let lines: Vec<_> = PLACED.lines().filter(|line| !line.contains("resourceSpans")).collect();
    let story = story(&lines.join("\n"), "placed-1");
    assert!(story.bars.is_empty());
    let messages: Vec<_> = story.loose.iter().map(|line| &*line.message).collect();
    assert_eq!(
        messages,
        ["request completed", "order confirmed", "message relayed", "message relayed"]
    );
    let text = render(&story).join("\n");
    assert!(text.contains("Log lines of invocations without a trace"), "{text}");
}

#[test]
fn what_nobody_wrote_about_is_an_error_that_says_what_to_do() {
    for subject in ["placed-9", "ORD-20260221-6BA0A415", "019c8019-aa00-7a31-9c40-1f2e6ba0a415"] {
        let error = tell(&recorded(PLACED), &subject.parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains(subject) && error.contains("--since 24h"), "{error}");
    }
}

#[test]
fn a_correlation_id_of_two_orders_is_an_error_that_names_them() {
    let cancelled = CANCELLED.replace("cancelled-1", "placed-1");
    let both = recorded(&format!("{PLACED}{cancelled}"));
    let error = tell(&both, &"placed-1".parse().unwrap()).unwrap_err().to_string();
    assert!(error.starts_with("2 orders belong to the correlation id placed-1."), "{error}");
    // Each alone has its own lines only.
    let alone = story(PLACED, "placed-1").order_id.unwrap();
    let story = tell(&both, &alone.parse().unwrap()).unwrap();
    assert_eq!(outline(&story), CONFIRMED);
}

#[test]
fn a_story_of_cut_lines_does_not_panic() {
    for end in (0..REDRIVEN.len()).step_by(997) {
        let Some(cut) = REDRIVEN.get(..end) else { continue };
        if let Ok(story) = tell(&recorded(cut), &"dead-1".parse().unwrap()) {
            assert!(!render(&story).is_empty());
        }
    }
}

#[test]
fn the_text_has_a_row_for_each_bar_and_line_and_bars_of_one_width() {
    let story = story(REDRIVEN, "dead-1");
    let text = render(&story);
    let bars: Vec<_> = text.iter().filter(|row| row.ends_with('|')).collect();
    let mut count = 0;
    story.walk(&mut |_, _| count += 1);
    assert_eq!(bars.len(), count);
    let width = bars[0].chars().count();
    assert!(bars.iter().all(|row| row.chars().count() == width), "{text:#?}");
    assert_eq!(text.iter().filter(|row| row.contains("ERROR order not found")).count(), 6);
}
