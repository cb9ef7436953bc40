//! What can be broken: the proxies, and the processes of the functions.

use std::io;

use tokio::task::AbortHandle;

use crate::catalog::{Aws, Effect, Postgres, Service};
use crate::endpoint::{self, Endpoint};
use crate::listen;
use crate::processes::Processes;
use crate::proxy::{Holds, Proxy};
use crate::settings::Settings;
use crate::strikes::Strikes;
use crate::values::Values;

/// The proxies of a stack, and the processes of its functions.
pub(crate) struct Targets {
    postgres: Proxy,
    sqs: Endpoint,
    dynamodb: Endpoint,
    eventbridge: Endpoint,
    ses: Endpoint,
    processes: Processes,
}

/// A fault that is striking.
pub(crate) struct Striking {
    pub(crate) strikes: Strikes,
    /// The task that strikes, where no proxy does.
    task: Option<AbortHandle>,
}

impl Targets {
    /// Starts the proxies.
    ///
    /// # Errors
    /// If a port is in use.
    pub(crate) async fn start(settings: &Settings) -> io::Result<Self> {
        let ports = settings.ports;
        let aws = async |port| Endpoint::on(listen::on(port).await?, &settings.aws);
        Ok(Self {
            postgres: Proxy::on(listen::on(ports.postgres).await?, &settings.postgres, ())?,
            sqs: aws(ports.sqs).await?,
            dynamodb: aws(ports.dynamodb).await?,
            eventbridge: aws(ports.eventbridge).await?,
            ses: aws(ports.ses).await?,
            processes: Processes::new(&settings.binaries, &settings.stack),
        })
    }

    /// Breaks a target.
    pub(crate) fn strike(&self, effect: Effect, values: &Values) -> Striking {
        match effect {
            Effect::Postgres(how) => {
                self.postgres.hold(holds(how, values));
                Striking { strikes: self.postgres.strikes(), task: None }
            }
            Effect::Aws(service, how) => {
                let endpoint = self.endpoint(service);
                endpoint.fail(fault(how, values));
                Striking { strikes: endpoint.strikes(), task: None }
            }
            Effect::FunctionKilled => self.kill(values),
        }
    }

    /// Makes a target work again.
    pub(crate) fn heal(&self, effect: Effect, striking: &Striking) {
        match effect {
            Effect::Postgres(_) => self.postgres.release(),
            Effect::Aws(service, _) => self.endpoint(service).clear(),
            Effect::FunctionKilled => {}
        }
        if let Some(task) = &striking.task {
            task.abort();
        }
    }

    fn endpoint(&self, service: Service) -> &Endpoint {
        match service {
            Service::Sqs => &self.sqs,
            Service::DynamoDb => &self.dynamodb,
            Service::EventBridge => &self.eventbridge,
            Service::Ses => &self.ses,
        }
    }

    /// Kills the processes of a function again and again.
    fn kill(&self, values: &Values) -> Striking {
        let (processes, strikes) = (self.processes.clone(), Strikes::default());
        let (function, counted) = (values.function().to_owned(), strikes.clone());
        let mut ticks = tokio::time::interval(values.every());
        let killing = async move {
            loop {
                ticks.tick().await;
                counted.add(processes.kill(&function));
            }
        };
        Striking { strikes, task: Some(tokio::spawn(killing).abort_handle()) }
    }
}

fn holds(how: Postgres, values: &Values) -> Holds {
    match how {
        Postgres::Stopped => Holds::Everything,
        Postgres::Full => Holds::Connections,
        Postgres::Slow => Holds::RequestsFor(values.delay()),
    }
}

fn fault(how: Aws, values: &Values) -> endpoint::Fault {
    match how {
        Aws::Slow => endpoint::Fault::Slow(values.delay()),
        Aws::Deaf => endpoint::Fault::Deaf,
        Aws::Failing => endpoint::Fault::Failing,
    }
}
