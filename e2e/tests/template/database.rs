//! The database: one that is named, or a cluster of the stack's own.

use std::collections::BTreeSet;

use testkit::template::{
    Node, Template, arguments, folder, get_att, plain, property, strings, variable_of,
};
use waybill::postgres::functions;

use crate::source;

/// Everything about a resource, not only its properties.
fn resource<'a>(template: &'a Template, id: &str) -> &'a Node {
    &template.root["Resources"][id]
}

/// The condition of each managed policy of a role, and the policy.
fn policies<'a>(template: &'a Template, role: &str) -> Vec<(&'a str, &'a str)> {
    let listed = resource(template, role)["Properties"]["ManagedPolicyArns"].as_vec().unwrap();
    let policies = listed.iter().map(|policy| {
        let [condition, policy, otherwise] = arguments(policy, "If") else { panic!("{role}") };
        assert_eq!(plain(otherwise), "AWS::NoValue", "{role}");
        (plain(condition), plain(policy))
    });
    policies.collect()
}

/// The functions that are given a database, by their names.
fn connecting(template: &Template) -> Vec<(String, &Node)> {
    let functions = template.functions().into_iter();
    let functions = functions
        .filter_map(|(id, function)| Some((folder(id), variable_of(function, "DATABASE_URL")?)));
    functions.collect()
}

#[test]
fn without_a_database_url_the_stack_makes_a_cluster_that_nothing_deletes() {
    let template = Template::read();
    assert_eq!(template.parameter("DatabaseUrl")["Default"].as_str(), Some(""));
    let cluster = resource(&template, "Cluster");
    assert_eq!(cluster["Type"].as_str(), Some("AWS::DSQL::Cluster"));
    assert_eq!(cluster["Condition"].as_str(), Some("OwnCluster"));
    assert_eq!(cluster["DeletionPolicy"].as_str(), Some("Retain"));
    assert_eq!(cluster["UpdateReplacePolicy"].as_str(), Some("Retain"));
    assert_eq!(cluster["Properties"]["DeletionProtectionEnabled"].as_bool(), Some(true));

    let own = arguments(&template.root["Conditions"]["OwnCluster"], "Equals");
    assert_eq!((plain(&own[0]), own[1].as_str()), ("DatabaseUrl", Some("")));
    let named = arguments(&template.root["Conditions"]["HasDatabaseUrl"], "Not");
    let empty = arguments(&named[0], "Equals");
    assert_eq!((plain(&empty[0]), empty[1].as_str()), ("DatabaseUrl", Some("")));
}

#[test]
fn the_functions_are_told_which_engine_they_talk_to() {
    let template = Template::read();
    let engine = &template.root["Globals"]["Function"]["Environment"]["Variables"];
    let parts: Vec<_> = arguments(&engine["DATABASE_ENGINE"], "If").iter().map(plain).collect();
    assert_eq!(parts, ["HasDatabaseUrl", "DatabaseEngine", "dsql"]);
}

#[test]
fn each_function_connects_to_the_cluster_as_its_own_role_and_only_migrate_as_admin() {
    let template = Template::read();
    let mut names = BTreeSet::new();
    for (name, url) in connecting(&template) {
        let parts: Vec<_> = arguments(url, "If").iter().map(plain).collect();
        let user = match name.as_str() {
            "migrate" => "admin".to_owned(),
            _ => functions::Function::named(&name).unwrap().role(),
        };
        let own = format!("postgres://{user}@${{Cluster.Endpoint}}/postgres");
        assert_eq!(parts, ["HasDatabaseUrl", "DatabaseUrl", &own], "{name}");
        names.insert(name);
    }
    let known = functions::ALL.iter().map(|function| function.name).chain(["migrate"]);
    assert_eq!(names, known.map(str::to_owned).collect());
}

#[test]
fn each_function_may_connect_to_that_cluster_and_only_migrate_as_admin() {
    let template = Template::read();
    let network = ("InVpc", "NetworkInterfacePolicy");
    let by_iam = ("LogsInByIam", "DatabaseUserPolicy");
    for id in template.functions().into_keys() {
        let role = format!("{}Role", id.strip_suffix("Function").unwrap());
        let cluster = |policy| vec![network, ("OwnCluster", policy), by_iam];
        let expected = match id {
            "DescribeApiFunction" => vec![network],
            "MigrateFunction" => cluster("ClusterAdminPolicy"),
            _ => cluster("ClusterPolicy"),
        };
        assert_eq!(policies(&template, &role), expected, "{id}");
    }
    // Nothing else allows it.
    let mut allowed = Vec::new();
    for (id, statement) in template.allowed() {
        for action in strings(&statement["Action"]) {
            if action.starts_with("dsql:") {
                allowed.push((id, action, get_att(&statement["Resource"])));
            }
        }
    }
    allowed.sort_unstable();
    let expected = [
        ("ClusterAdminPolicy", "dsql:DbConnectAdmin", "Cluster"),
        ("ClusterPolicy", "dsql:DbConnect", "Cluster"),
    ];
    assert_eq!(allowed, expected);
    for (policy, ..) in expected {
        assert_eq!(resource(&template, policy)["Condition"].as_str(), Some("OwnCluster"));
    }
}

#[test]
fn a_database_user_of_rds_is_named_by_its_whole_arn() {
    let template = Template::read();
    let user = template.parameter("DatabaseUserArn");
    assert_eq!(user["Default"].as_str(), Some(""));
    let pattern = user["AllowedPattern"].as_str().unwrap();
    // One user of one instance: no wildcards.
    assert!(pattern.ends_with(":dbuser:[A-Za-z0-9-]+/[A-Za-z0-9_.-]+$"), "{pattern}");
    let policy = resource(&template, "DatabaseUserPolicy");
    assert_eq!(policy["Condition"].as_str(), Some("LogsInByIam"));
    let statements = policy["Properties"]["PolicyDocument"]["Statement"].as_vec().unwrap();
    let [statement] = statements.as_slice() else { panic!("other than one statement") };
    assert_eq!(strings(&statement["Action"]), ["rds-db:connect"]);
    assert_eq!(plain(&statement["Resource"]), "DatabaseUserArn");
}

#[test]
fn migrate_is_told_the_role_of_every_function() {
    let template = Template::read();
    let functions = template.functions();
    let roles = variable_of(functions["MigrateFunction"], "DATABASE_ROLES").unwrap();
    let parts = arguments(roles, "If");
    assert_eq!((plain(&parts[0]), parts[1].as_str()), ("HasDatabaseUrl", Some("")));
    let join = arguments(&parts[2], "Join");
    assert_eq!(join[0].as_str(), Some(" "));
    let mut told = Vec::new();
    for pair in join[1].as_vec().unwrap() {
        // A role that isn't always there is left out then.
        let conditional = pair.get_tag().is_some_and(|tag| tag.suffix == "If");
        let pair = if conditional { &arguments(pair, "If")[1] } else { pair };
        let (name, arn) = plain(pair).split_once('=').unwrap();
        let role = arn.strip_prefix("${").unwrap().strip_suffix("Role.Arn}").unwrap();
        assert_eq!(folder(&format!("{role}Function")), name);
        let condition = property(resource(&template, &format!("{role}Role")), "Condition");
        assert_eq!(condition.is_some(), conditional, "{name}");
        told.push(name);
    }
    let known: Vec<_> = functions::ALL.iter().map(|function| function.name).collect();
    assert_eq!(told, known);
    for (id, function) in functions {
        let given = variable_of(function, "DATABASE_ROLES").is_some();
        assert_eq!(given, id == "MigrateFunction", "{id}");
    }
}

/// Otherwise its role would have grants for other statements.
#[test]
fn a_function_prepares_the_statements_that_its_grants_are_made_from() {
    for function in functions::ALL {
        let constant = function.name.to_uppercase().replace('-', "_");
        let code = source(function.name);
        assert!(code.contains(&format!("{constant}.statements")), "{}", function.name);
    }
}
