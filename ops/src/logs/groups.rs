//! The log groups of a stack.

use std::collections::BTreeMap;

use aws_sdk_cloudwatchlogs::Client;

use crate::error::{Context as _, Result};
use crate::remote::STACK_NAME;

/// The names of the log groups of the stack.
pub(super) async fn groups(client: &Client) -> Result<Vec<String>> {
    let prefix = format!("/aws/lambda/{STACK_NAME}-");
    let found = client
        .describe_log_groups()
        .log_group_name_prefix(prefix)
        .send()
        .await
        .context(|| "Failed to list the log groups. Is the stack still running?")?;
    Ok(found.log_groups().iter().filter_map(|it| it.log_group_name().map(str::to_owned)).collect())
}

/// Adds all events of a group since then. The emulator returns ten thousand at most, without a token
/// for the next page.
pub(super) async fn read_all(
    client: &Client,
    group: &str,
    mut from: i64,
    seen: &mut BTreeMap<(String, String), i64>,
    lines: &mut Vec<(i64, String)>,
) -> Result<()> {
    loop {
        let known = lines.len();
        read(client, group, from, seen, lines).await?;
        let Some(new) = lines.get(known..).filter(|new| !new.is_empty()) else { return Ok(()) };
        from = new.iter().map(|(time, _)| *time).max().unwrap_or(from);
    }
}

/// Adds the events of a group that were not seen before.
pub(super) async fn read(
    client: &Client,
    group: &str,
    from: i64,
    seen: &mut BTreeMap<(String, String), i64>,
    lines: &mut Vec<(i64, String)>,
) -> Result<()> {
    let mut pages =
        client.filter_log_events().log_group_name(group).start_time(from).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.context(|| format!("Failed to read the log group {group}."))?;
        for event in page.events() {
            let (Some(message), Some(time)) = (event.message(), event.timestamp()) else {
                continue;
            };
            // The emulator's events have no id, but a line contains its request id and time.
            let key = (event.log_stream_name().unwrap_or_default().to_owned(), message.to_owned());
            if seen.insert(key, time).is_none() {
                lines.push((time, message.to_owned()));
            }
        }
    }
    Ok(())
}
