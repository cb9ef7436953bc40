//! Migrations on Aurora DSQL: each statement in its own transaction, and indexes that jobs build.
//!
//! A migration may stop half-way, so each of its statements can be run again. The ledger's row is
//! written last.

use std::num::ParseIntError;
use std::time::Duration;

use refinery::Migration;
use refinery_core::traits::r#async::{AsyncMigrate, AsyncQuery, AsyncTransaction};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, Row, SimpleQueryMessage};

use super::conflicts::retried;
use crate::BoxError;

/// How long a migration waits for its indexes. On an empty table a build takes seconds.
const INDEX_WAIT: Duration = Duration::from_secs(50);

/// The time between two looks at a job or an index.
const POLL: Duration = Duration::from_millis(500);

/// A job that builds an index. $1 job id.
const JOB: &str = "SELECT status, details FROM sys.jobs WHERE job_id = $1";

/// The indexes that are being built, or whose build failed.
const UNFINISHED_INDEXES: &str = "
    SELECT c.relname::text
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT i.indisvalid AND n.nspname = current_schema()
    ORDER BY c.relname";

/// A connection to Aurora DSQL, as refinery migrates it.
pub(super) struct Distributed(pub(super) Client);

/// Why a statement of a migration failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The error of the database or of the connection.
    #[error(transparent)]
    Database(#[from] tokio_postgres::Error),
    /// A row of the ledger can't be read.
    #[error("the ledger of the migrations has an unexpected row")]
    Ledger(#[source] BoxError),
    /// A job failed or was canceled.
    #[error("the job {job} ended as {status}: {details}")]
    Job { job: String, status: String, details: String },
    /// An index was not finished in time, or an earlier job of it has failed.
    #[error(
        "the index {index} is not finished; if a job is building it (SELECT * FROM sys.jobs), migrate \
         again later, otherwise drop it first"
    )]
    Index { index: String },
}

impl AsyncTransaction for Distributed {
    type Error = Failure;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, Failure> {
        let (mut count, mut jobs) = (0, Vec::new());
        for query in queries {
            for statement in statements(query) {
                jobs.extend(self.run(&statement).await?);
            }
            // The jobs of a migration run at the same time.
            self.wait(std::mem::take(&mut jobs)).await?;
            count += 1;
        }
        Ok(count)
    }
}

impl AsyncQuery<Vec<Migration>> for Distributed {
    /// Reads the ledger. Without a transaction, unlike on Postgres: a distributed engine ends one with
    /// a conflict when another session has changed the schema.
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, Failure> {
        let rows = retried(|| async { self.0.query(query, &[]).await }).await?;
        rows.iter().map(recorded).collect()
    }
}

impl AsyncMigrate for Distributed {}

impl Distributed {
    /// Runs a statement. Returns the job that it started.
    async fn run(&self, statement: &str) -> Result<Option<String>, Failure> {
        let answer = retried(|| self.0.simple_query(statement)).await?;
        let job = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.try_get("job_id").ok().flatten(),
            _ => None,
        });
        Ok(job.map(str::to_owned))
    }

    /// Waits for these jobs, and then until every index is valid: a run that died may have left one
    /// that is still being built.
    async fn wait(&self, jobs: Vec<String>) -> Result<(), Failure> {
        let deadline = Instant::now() + INDEX_WAIT;
        for job in jobs {
            while self.is_running(&job).await? && Instant::now() < deadline {
                sleep(POLL).await;
            }
        }
        loop {
            let unfinished = retried(|| self.0.query(UNFINISHED_INDEXES, &[])).await?;
            let Some(row) = unfinished.first() else { return Ok(()) };
            if Instant::now() + POLL > deadline {
                return Err(Failure::Index { index: row.try_get(0)? });
            }
            sleep(POLL).await;
        }
    }

    async fn is_running(&self, job: &str) -> Result<bool, Failure> {
        let row = retried(|| async { self.0.query_opt(JOB, &[&job]).await }).await?;
        // Finished jobs are forgotten after a while.
        let Some(row) = row else { return Ok(false) };
        let status: String = row.try_get("status")?;
        match &*status {
            "completed" => Ok(false),
            "failed" | "cancelled" => {
                let details = row.try_get::<_, Option<String>>("details")?.unwrap_or_default();
                Err(Failure::Job { job: job.to_owned(), status, details })
            }
            _ => Ok(true),
        }
    }
}

/// A row of the ledger.
fn recorded(row: &Row) -> Result<Migration, Failure> {
    let at: String = row.try_get("applied_on")?;
    let at = OffsetDateTime::parse(&at, &Rfc3339).map_err(|error| Failure::Ledger(error.into()))?;
    let checksum: String = row.try_get("checksum")?;
    let checksum =
        checksum.parse().map_err(|error: ParseIntError| Failure::Ledger(error.into()))?;
    Ok(Migration::applied(row.try_get("version")?, row.try_get("name")?, at, checksum))
}

/// The statements of a migration. One ends with a semicolon at the end of a line, and a comment has
/// lines of its own; these are left out.
pub(super) fn statements(sql: &str) -> Vec<String> {
    let code = sql.lines().filter(|line| !line.trim_start().starts_with("--"));
    let (mut statements, mut statement) = (Vec::new(), Vec::new());
    for line in code.chain([";"]) {
        let end = line.trim_end().strip_suffix(';');
        statement.push(end.unwrap_or(line));
        if end.is_some() {
            let text = statement.join("\n").trim().to_owned();
            statements.extend(Some(text).filter(|text| !text.is_empty()));
            statement.clear();
        }
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_ends_with_a_semicolon_at_the_end_of_a_line() {
        let sql = "-- A table; with a note.\nCREATE TABLE a (\n    -- Its key;\n    b text DEFAULT ';x'\n);\n\n\
                   CREATE INDEX ASYNC c ON a (b); \nSELECT 1";
        let expected = [
            "CREATE TABLE a (\n    b text DEFAULT ';x'\n)",
            "CREATE INDEX ASYNC c ON a (b)",
            "SELECT 1",
        ];
        assert_eq!(statements(sql), expected);
        assert_eq!(statements("-- Nothing.\n\n;\n"), Vec::<String>::new());
    }
}
