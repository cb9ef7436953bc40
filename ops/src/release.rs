//! The order of schema and code in a release, for `make up` and `make deploy`.
//!
//! A function prepares its statements when it connects, so code that is deployed before its schema
//! answers 503 to every request. Migrations only expand, so the old code works with the new schema.

use crate::error::{Context as _, Error, Result};

/// The target of a release.
#[expect(async_fn_in_trait, reason = "the runner alone implements and calls it")]
pub trait Cloud {
    /// What to do after the first migration failed.
    const ADVICE: &'static str;

    /// The name of the stack's migrate function; none if the stack does not exist.
    async fn migrate_function(&self) -> Result<Option<String>>;

    /// Replaces the code of that function, and waits until it is active.
    async fn update_code(&self, function: &str) -> Result<()>;

    /// Invokes that function. Returns the names of the migrations that it applied.
    async fn migrate(&self, function: &str) -> Result<Vec<String>>;

    /// Deploys the template and the code of all functions.
    async fn deploy(&mut self) -> Result<()>;
}

/// What is updated first in an existing stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The schema, by the new code of the migrate function alone.
    SchemaFirst,
    /// Template and code, if the deployed functions can't reach their database any more.
    CodeFirst,
}

/// Releases to a stack. Returns the names of the migrations that were applied, oldest first.
///
/// # Errors
/// If a step fails; the steps after it are skipped. The message says what was changed before.
pub async fn release<C: Cloud>(cloud: &mut C, order: Order) -> Result<Vec<String>> {
    let mut applied = Vec::new();
    if order == Order::SchemaFirst
        && let Some(function) = cloud.migrate_function().await?
    {
        applied = migrate_first(cloud, &function).await.context(|| {
            format!(
                "Failed to migrate the database, so nothing was deployed: all other functions run as \
                 before. {}",
                C::ADVICE
            )
        })?;
    }
    cloud.deploy().await?;
    // A new stack is not migrated yet, and DatabaseUrl may name another database now.
    let function = cloud
        .migrate_function()
        .await?
        .ok_or_else(|| Error::new("The stack has no migrate function after the deployment."))?;
    applied.extend(cloud.migrate(&function).await.context(|| {
        "The stack is deployed, but its database failed to migrate. Fix the cause and run it again."
    })?);
    Ok(applied)
}

async fn migrate_first(cloud: &impl Cloud, function: &str) -> Result<Vec<String>> {
    cloud.update_code(function).await?;
    cloud.migrate(function).await
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// A cloud that records its calls.
    #[derive(Default)]
    struct Fake {
        exists: bool,
        /// The call that fails, and its message.
        fails: Option<(&'static str, &'static str)>,
        calls: RefCell<Vec<&'static str>>,
    }

    impl Fake {
        fn call(&self, name: &'static str) -> Result<()> {
            self.calls.borrow_mut().push(name);
            match self.fails {
                Some((call, says)) if call == name => Err(Error::new(says)),
                _ => Ok(()),
            }
        }
    }

    impl Cloud for Fake {
        const ADVICE: &'static str = "Try again.";

        async fn migrate_function(&self) -> Result<Option<String>> {
            Ok(self.exists.then(|| "waybill-migrate".to_owned()))
        }

        async fn update_code(&self, function: &str) -> Result<()> {
            assert_eq!(function, "waybill-migrate");
            self.call("update_code")
        }

        async fn migrate(&self, function: &str) -> Result<Vec<String>> {
            assert_eq!(function, "waybill-migrate");
            self.call("migrate")?;
            let first = self.calls.borrow().iter().filter(|&&it| it == "migrate").count() == 1;
            Ok(if first { vec!["V8__add_a_column".to_owned()] } else { Vec::new() })
        }

        async fn deploy(&mut self) -> Result<()> {
            self.exists = true;
            self.call("deploy")
        }
    }

    /// The migrations or the error of a release, and its calls.
    async fn run(mut fake: Fake, order: Order) -> (Result<Vec<String>, String>, Vec<&'static str>) {
        let result = release(&mut fake, order).await;
        let text = |error: Error| format!("{error} {}", error.causes().unwrap_or_default());
        (result.map_err(text), fake.calls.into_inner())
    }

    #[tokio::test]
    async fn an_existing_stack_is_migrated_by_new_code_before_anything_else_is_deployed() {
        let fake = Fake { exists: true, ..Fake::default() };
        let (applied, calls) = run(fake, Order::SchemaFirst).await;
        assert_eq!(applied.unwrap(), ["V8__add_a_column"]);
        assert_eq!(calls, ["update_code", "migrate", "deploy", "migrate"]);
    }

    #[tokio::test]
    async fn a_new_stack_is_deployed_first() {
        let (applied, calls) = run(Fake::default(), Order::SchemaFirst).await;
        assert_eq!(applied.unwrap(), ["V8__add_a_column"]);
        assert_eq!(calls, ["deploy", "migrate"]);
    }

    #[tokio::test]
    async fn a_stack_whose_database_has_moved_is_deployed_first_when_asked_for() {
        let fake = Fake { exists: true, ..Fake::default() };
        let (applied, calls) = run(fake, Order::CodeFirst).await;
        assert!(applied.is_ok());
        assert_eq!(calls, ["deploy", "migrate"]);
    }

    #[tokio::test]
    async fn a_migration_that_fails_stops_the_release_before_the_deployment_and_says_why() {
        let says = "column \"note\" of relation \"orders\" already exists";
        let fake = Fake { exists: true, fails: Some(("migrate", says)), ..Fake::default() };
        let (result, calls) = run(fake, Order::SchemaFirst).await;
        let error = result.unwrap_err();
        assert!(error.contains(says) && error.contains("nothing was deployed"), "{error}");
        assert!(error.contains(Fake::ADVICE), "{error}");
        assert_eq!(calls, ["update_code", "migrate"]);
    }

    #[tokio::test]
    async fn code_that_can_not_be_updated_stops_the_release_before_the_migration() {
        let fake = Fake { exists: true, fails: Some(("update_code", "denied")), ..Fake::default() };
        let (result, calls) = run(fake, Order::SchemaFirst).await;
        let error = result.unwrap_err();
        assert!(error.contains("denied") && error.contains("nothing was deployed"), "{error}");
        assert_eq!(calls, ["update_code"]);
    }

    #[tokio::test]
    async fn a_migration_that_fails_on_a_new_stack_is_an_error_that_says_why() {
        let fake = Fake { fails: Some(("migrate", "no password")), ..Fake::default() };
        let (result, calls) = run(fake, Order::SchemaFirst).await;
        let error = result.unwrap_err();
        assert!(error.contains("no password") && error.contains("is deployed, but"), "{error}");
        assert_eq!(calls, ["deploy", "migrate"]);
    }

    #[tokio::test]
    async fn a_deployment_that_fails_is_not_followed_by_a_migration() {
        let fake = Fake { exists: true, fails: Some(("deploy", "rolled back")), ..Fake::default() };
        let (result, calls) = run(fake, Order::SchemaFirst).await;
        assert!(result.unwrap_err().contains("rolled back"));
        assert_eq!(calls, ["update_code", "migrate", "deploy"]);
    }
}
