//! Every fault that `make faults` lists, through the control API, while orders are placed.

use std::path::Path;
use std::sync::Arc;

use e2e::{eventually, unique};
use faults::control::Control;
use faults::http::Server;
use faults::settings::{Ports, Settings};
use faults::{api, listen};
use serde_json::{Value, json};
use testkit::function::{Extensions, Function};
use testkit::proxy::authority;
use testkit::unused_address;

use crate::world::World;

/// The proxies and the control API in front of a world.
struct Breaker {
    variables: Vec<(&'static str, String)>,
    control: Server,
    http: reqwest::Client,
}

impl Breaker {
    async fn before(world: &World) -> Self {
        let [postgres, sqs, dynamodb, eventbridge, ses, control_port] =
            std::array::from_fn(|_| unused_address().port());
        let stack = unique("breaker");
        let url = &world.database_url;
        let settings = Settings {
            control_port,
            ports: Ports { postgres, sqs, dynamodb, eventbridge, ses },
            postgres: authority(url).to_owned(),
            aws: world.stack.environment.aws_endpoint_url.clone(),
            binaries: Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/lambda"),
            stack: stack.clone(),
            functions: vec!["create-order".to_owned()],
        };
        let local = |port: u16| format!("127.0.0.1:{port}");
        let endpoint = |port: u16| format!("http://{}", local(port));
        let variables = vec![
            ("DATABASE_URL", url.replacen(authority(url), &local(postgres), 1)),
            ("AWS_ENDPOINT_URL_SQS", endpoint(sqs)),
            ("AWS_ENDPOINT_URL_DYNAMODB", endpoint(dynamodb)),
            ("AWS_ENDPOINT_URL_EVENTBRIDGE", endpoint(eventbridge)),
            ("AWS_LAMBDA_FUNCTION_NAME", format!("{stack}-create-order")),
        ];
        let control: Arc<Control> = Control::start(&settings).await.unwrap();
        let control = api::serve(&control, listen::on(control_port).await.unwrap()).unwrap();
        Self { variables, control, http: reqwest::Client::new() }
    }

    /// Starts a function that reaches everything through the proxies.
    async fn start(&self, world: &World, function: &str) -> Function {
        let variables: Vec<_> =
            self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        world.start_on(Extensions::Known, function, &variables).await
    }

    fn url(&self, name: &str) -> String {
        format!("{}/faults/{name}", self.control.url())
    }

    /// The names of all faults, with what they break.
    async fn faults(&self) -> Vec<(String, String)> {
        let url = format!("{}/faults", self.control.url());
        let list: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        let faults = list["faults"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        faults.map(|fault| (text(&fault["name"]), text(&fault["target"]))).collect()
    }

    async fn strike(&self, name: &str) {
        let body = if name.ends_with("-slow") { json!({ "delay_ms": 100 }) } else { json!({}) };
        let answer = self.http.put(self.url(name)).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{name}");
    }

    /// Waits until a fault has struck, then ends it.
    async fn end(&self, name: &str) {
        eventually(&format!("{name} has struck"), async || {
            let shown = self.http.get(self.url(name)).send().await.unwrap();
            let shown: Value = shown.json().await.unwrap();
            (shown["struck"].as_u64() > Some(0)).then_some(())
        })
        .await;
        self.http.delete(self.url(name)).send().await.unwrap();
    }
}

#[tokio::test]
async fn every_fault_of_the_control_api_strikes_and_loses_no_order() {
    let world = World::new().await;
    let breaker = Breaker::before(&world).await;
    let mut orders = 0;
    for (name, target) in breaker.faults().await {
        // No function calls SES.
        if target == "ses" {
            continue;
        }
        let mut create = breaker.start(&world, "create-order").await;
        breaker.strike(&name).await;
        let request = world.request(&name);
        if target == "functions" {
            create.end().await;
            breaker.end(&name).await;
            create = breaker.start(&world, "create-order").await;
        } else {
            tokio::join!(
                under_fault(&world, &breaker, &mut create, &target, request.clone()),
                breaker.end(&name)
            );
        }
        // The client repeats its request.
        eventually(&format!("an order is placed after {name}"), async || {
            let answer = create.invoke(request.clone()).await;
            world.accept(&answer).then_some(())
        })
        .await;
        orders += 1;
    }
    assert_eq!(orders, 13);
    world.recover().await;
    world.assert_whole(orders).await;
}

/// Makes a function meet the fault of a target while an order is placed.
async fn under_fault(
    world: &World,
    breaker: &Breaker,
    create: &mut Function,
    target: &str,
    request: Value,
) {
    let answer = create.invoke(request).await;
    let accepted = world.accept(&answer);
    match target {
        "postgres" => return,
        "dynamodb" => {
            let mut read = breaker.start(world, "get-product").await;
            world.read_product(&mut read).await;
        }
        "eventbridge" => {
            world.due(1, "kind = 'OrderPlaced'").await;
            breaker.start(world, "relay-outbox").await.invoke(json!({})).await;
        }
        // create-order sends its job after the answer.
        _ => create.freezes().await,
    }
    assert!(accepted, "only Postgres is needed to accept an order: {answer}");
}
