//! Secrets, and the parameters that hold them.

use testkit::template::{Template, plain, property, variable_of};

use crate::source;

#[test]
fn describe_api_is_not_given_the_database_url() {
    let template = Template::read();
    assert!(variable_of(template.functions()["DescribeApiFunction"], "DATABASE_URL").is_none());
    let of_all = &template.root["Globals"]["Function"]["Environment"]["Variables"];
    assert!(property(of_all, "DATABASE_URL").is_none());
    assert!(!source("describe-api").contains("config.database()"));
}

/// CloudFormation resolves the secret, so that no function needs permission to read it.
#[test]
fn the_cursor_secret_is_made_by_the_stack_and_given_by_reference() {
    let template = Template::read();
    let secret = &template.of_type("AWS::SecretsManager::Secret")["CursorSecret"];
    assert!(secret["GenerateSecretString"]["PasswordLength"].as_integer().unwrap() >= 32);
    let mut given = 0;
    for function in template.functions().values() {
        let Some(value) = variable_of(function, "CURSOR_SECRET") else { continue };
        assert_eq!(plain(value), "{{resolve:secretsmanager:${CursorSecret}}}");
        given += 1;
    }
    assert_eq!(given, 2);
}

#[test]
fn the_database_url_is_not_shown() {
    let template = Template::read();
    let url = template.parameter("DatabaseUrl");
    assert_eq!(url["NoEcho"].as_bool(), Some(true));
}

#[test]
fn the_warehouse_is_optional_and_its_secret_is_not_shown() {
    let template = Template::read();
    for (parameter, variable) in
        [("WarehouseUrl", "WAREHOUSE_URL"), ("WarehouseSecret", "WAREHOUSE_SECRET")]
    {
        assert_eq!(template.parameter(parameter)["Default"].as_str(), Some(""), "{parameter}");
        let given = variable_of(template.functions()["FulfillOrderFunction"], variable);
        assert_eq!(given.map(plain), Some(parameter));
    }
    assert_eq!(template.parameter("WarehouseSecret")["NoEcho"].as_bool(), Some(true));
    // Without TLS, others could read the orders.
    let pattern = template.parameter("WarehouseUrl")["AllowedPattern"].as_str().unwrap();
    assert!(pattern.starts_with("(https://.+)?|http://(localhost|"), "{pattern}");
}
