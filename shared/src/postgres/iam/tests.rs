use super::*;

/// What tokens.py prints.
const TOKENS: &str = include_str!("tokens.txt");

/// 2026-11-29T04:05:06Z.
const NOW: Duration = Duration::from_secs(1_795_925_106);

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn keys(session_token: Option<&str>) -> AwsKeys {
    AwsKeys {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: SECRET.to_owned(),
        session_token: session_token.map(str::to_owned),
    }
}

fn signer(host: &str, user: &str, session_token: Option<&str>) -> Signer {
    let server = Server { host, port: 5432 };
    let service = Service::of(host).unwrap();
    Signer::new(&server, user, service, &keys(session_token)).unwrap()
}

#[test]
fn tokens_are_those_that_botocore_makes_for_the_same_clock_and_keys() {
    let cluster = "iabtvzjmbfjqmbgrp2vg4nzxyz.dsql.eu-central-1.on.aws";
    let instance = "shop.c9akciq32.eu-central-1.rds.amazonaws.com";
    let mut made = Vec::new();
    for session_token in [None, Some("IQoJ+session/token==")] {
        for (host, user) in
            [(cluster, "waybill_create_order"), (cluster, "admin"), (instance, "way bill+1")]
        {
            let token = signer(host, user, session_token).token(SystemTime::UNIX_EPOCH + NOW);
            made.push(token.unwrap().as_str().to_owned());
        }
    }
    assert_eq!(made, TOKENS.lines().collect::<Vec<_>>());
}

#[test]
fn only_admin_asks_for_the_action_of_admin() {
    let action = |user| {
        let token = signer("x.dsql.eu-west-1.on.aws", user, None).token(SystemTime::now());
        let token = token.unwrap();
        token.as_str().split(['?', '&']).nth(1).unwrap().to_owned()
    };
    assert_eq!(action("admin"), "Action=DbConnectAdmin");
    for user in ["waybill_migrate", "Admin", "admin2"] {
        assert_eq!(action(user), "Action=DbConnect", "{user}");
    }
}

#[test]
fn a_host_of_aws_names_its_service_and_region() {
    for (host, service) in [
        ("abc.dsql.us-east-1.on.aws", Some(Service::Dsql("us-east-1"))),
        ("abc.dsql-fnh4.eu-west-2.on.aws", Some(Service::Dsql("eu-west-2"))),
        ("shop.c9akciq32.eu-central-1.rds.amazonaws.com", Some(Service::Rds("eu-central-1"))),
        ("p.proxy-c9akciq32.us-east-2.rds.amazonaws.com", Some(Service::Rds("us-east-2"))),
        ("shop.c9.rds.cn-north-1.amazonaws.com.cn", None),
        ("shop.c9.cn-north-1.rds.amazonaws.com.cn", Some(Service::Rds("cn-north-1"))),
        ("dsql.us-east-1.on.aws", None),
        ("abc.lambda-url.us-east-1.on.aws", None),
        ("abc.dsql.us-east-1.on.aws.example.com", None),
        ("us-east-1.rds.amazonaws.com", None),
        ("sqs.us-east-1.amazonaws.com", None),
        ("db.example.com", None),
        ("localhost", None),
        ("", None),
    ] {
        assert_eq!(Service::of(host), service, "{host}");
    }
}

#[test]
fn neither_a_token_nor_the_secret_is_shown() {
    let signer = signer("x.dsql.eu-west-1.on.aws", "admin", Some("temporary"));
    let token = signer.token(SystemTime::now()).unwrap();
    assert_eq!(format!("{token:?}"), "Token(_)");
    let mut config = tokio_postgres::Config::new();
    config.password(token.as_str());
    let shown = format!("{config:?} {:?}", signer.identity);
    for secret in [token.as_str(), SECRET, "temporary", "X-Amz-Signature"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn an_address_that_can_not_be_signed_is_an_error_at_the_start() {
    let server = Server { host: "a b.dsql.eu-west-1.on.aws", port: 5432 };
    let signer = Signer::new(&server, "admin", Service::Dsql("eu-west-1"), &keys(None));
    assert!(signer.is_err());
}
