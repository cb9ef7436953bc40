//! How a new connection proves who it is: by the password in the connection string, or by IAM.

use std::net::IpAddr;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::iam::{Server, Service, Signer};
use crate::BoxError;
use crate::config::AwsKeys;

/// The port of Postgres.
const PORT: u16 = 5432;

/// The proof of a new connection.
pub(super) enum Login {
    /// What the connection string says: a password, or nothing for a server that asks for none.
    AsWritten,
    /// A token of Aurora DSQL.
    Dsql(Signer),
    /// A token of RDS.
    Rds(Signer),
}

impl Login {
    /// IAM if the connection string has no password and the host is one of AWS.
    ///
    /// # Errors
    /// If there is no password and IAM can't take its place.
    pub(super) fn of(config: &Config, keys: Option<&AwsKeys>) -> Result<Self, BoxError> {
        if config.get_password().is_some() || config.get_hosts().iter().all(is_local) {
            return Ok(Self::AsWritten);
        }
        let plain = config.get_ssl_mode() == SslMode::Disable;
        let [Host::Tcp(host)] = config.get_hosts() else {
            return Err(
                "DATABASE_URL has no password and several hosts. IAM needs one host: leave \
                        out the others, or add a password."
                    .into(),
            );
        };
        let Some(service) = Service::of(host) else {
            // A server in a private network may trust its clients.
            if plain {
                return Ok(Self::AsWritten);
            }
            return Err(format!(
                "DATABASE_URL has no password, and IAM can't take its place: {host} is not the name \
                 of a host of Aurora DSQL or RDS. Add a password, or use AWS's own name of the host."
            )
            .into());
        };
        if plain {
            return Err(
                "DATABASE_URL has no password, and IAM needs TLS. Remove sslmode=disable.".into()
            );
        }
        let user = config.get_user().ok_or(
            "DATABASE_URL has neither a user nor a password. IAM needs a user: postgres://user@host/…",
        )?;
        let keys = keys.ok_or(
            "DATABASE_URL has no password, and there are no credentials of AWS to make a token with. \
             Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN if they are \
             temporary, or add a password.",
        )?;
        let server = Server { host, port: config.get_ports().first().copied().unwrap_or(PORT) };
        let signer = Signer::new(&server, user, service, keys)?;
        Ok(match service {
            Service::Dsql(_) => Self::Dsql(signer),
            Service::Rds(_) => Self::Rds(signer),
        })
    }

    /// What makes a token for each new connection, if one is needed.
    pub(super) fn signer(&self) -> Option<&Signer> {
        match self {
            Self::AsWritten => None,
            Self::Dsql(signer) | Self::Rds(signer) => Some(signer),
        }
    }
}

/// Whether a host is this machine.
fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            let ip = name.parse::<IpAddr>();
            name == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RDS: &str = "shop.c9.eu-west-1.rds.amazonaws.com";
    const DSQL: &str = "abc.dsql.eu-west-1.on.aws";

    fn keys() -> AwsKeys {
        AwsKeys {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "hidden".to_owned(),
            session_token: Some("hidden too".to_owned()),
        }
    }

    fn login(url: &str) -> Result<Login, String> {
        let keys = keys();
        Login::of(&url.parse().unwrap(), Some(&keys)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_password_is_used_wherever_there_is_one() {
        for host in ["127.0.0.1", "db.example.com", RDS, DSQL] {
            let url = format!("postgres://u:p@{host}/waybill");
            assert!(matches!(login(&url), Ok(Login::AsWritten)), "{host}");
        }
    }

    #[test]
    fn iam_takes_the_place_of_a_missing_password_at_a_host_of_aws() {
        assert!(matches!(login(&format!("postgres://u@{RDS}/waybill")), Ok(Login::Rds(_))));
        assert!(matches!(login(&format!("postgres://u@{DSQL}/postgres")), Ok(Login::Dsql(_))));
    }

    #[test]
    fn this_machine_and_a_plaintext_host_of_ones_own_are_asked_without_a_password() {
        for url in [
            "postgres://u@localhost/waybill",
            "postgres://u@127.0.0.1:5600/waybill?sslmode=disable",
            "postgres://u@[::1]/waybill",
            "host=/run/postgresql user=u",
            "postgres://u@postgres/waybill?sslmode=disable",
        ] {
            assert!(matches!(login(url), Ok(Login::AsWritten)), "{url}");
        }
    }

    #[test]
    fn an_error_says_what_is_missing_and_repeats_no_secret() {
        for (url, says) in [
            ("postgres://u@db.example.com/waybill".to_owned(), "no password"),
            (format!("postgres://u@{DSQL}/postgres?sslmode=disable"), "IAM needs TLS"),
            (format!("postgres://u@{RDS}/waybill?sslmode=disable"), "IAM needs TLS"),
            (format!("postgres://{DSQL}/postgres"), "IAM needs a user"),
            (format!("postgres://u@{RDS},{RDS}/waybill"), "several hosts"),
        ] {
            let error = login(&url).err().unwrap_or_else(|| panic!("{url} is taken"));
            assert!(error.contains(says) && !error.contains("hidden"), "{error}");
        }
        let url = format!("postgres://u@{RDS}/waybill").parse().unwrap();
        let error = Login::of(&url, None).err().unwrap().to_string();
        assert!(error.contains("AWS_ACCESS_KEY_ID"), "{error}");
    }
}
