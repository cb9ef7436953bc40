//! Reads `template.yaml` for tests.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode, Yaml};

/// A node of the template. Tags such as `!Sub` and `!GetAtt` are kept.
pub type Node = Yaml<'static>;

/// `template.yaml`.
pub struct Template {
    /// The whole document.
    pub root: Node,
}

/// A route of the HTTP API.
pub struct Route<'a> {
    /// The logical id of the function behind it.
    pub function: &'a str,
    /// The method; none for the default route.
    pub method: Option<&'a str>,
    /// The path; none for the default route.
    pub path: Option<&'a str>,
    /// The authorization settings, if the route has its own.
    pub auth: Option<&'a Node>,
}

impl Route<'_> {
    /// The name of the route in API Gateway: `GET /orders`, or `$default`.
    #[must_use]
    pub fn key(&self) -> String {
        match (self.method, self.path) {
            (Some(method), Some(path)) => format!("{method} {path}"),
            (None, None) => "$default".to_owned(),
            half => panic!("{}: {half:?}", self.function),
        }
    }
}

impl Template {
    /// Parses the template of this checkout.
    #[must_use]
    pub fn read() -> Self {
        let text = include_str!("../../template.yaml");
        let root = Yaml::load_from_str(text).unwrap().into_iter().next().unwrap();
        Self { root }
    }

    /// The properties of every resource of one type, by logical id.
    #[must_use]
    pub fn of_type(&self, kind: &str) -> BTreeMap<&str, &Node> {
        self.root["Resources"]
            .as_mapping()
            .unwrap()
            .iter()
            .filter(|(_, resource)| resource["Type"].as_str() == Some(kind))
            .map(|(id, resource)| (id.as_str().unwrap(), &resource["Properties"]))
            .collect()
    }

    /// The properties of every function, by logical id.
    #[must_use]
    pub fn functions(&self) -> BTreeMap<&str, &Node> {
        self.of_type("AWS::Serverless::Function")
    }

    /// The properties of the HTTP API.
    #[must_use]
    pub fn api(&self) -> &Node {
        self.of_type("AWS::Serverless::HttpApi")["HttpApi"]
    }

    /// A parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> &Node {
        let parameter = property(&self.root["Parameters"], name);
        parameter.unwrap_or_else(|| panic!("the template has no parameter {name}"))
    }

    /// The default of a parameter that is a number.
    #[must_use]
    pub fn default_of(&self, parameter: &str) -> i64 {
        self.parameter(parameter)["Default"].as_integer().unwrap()
    }

    /// A number, or the default of the parameter that the node refers to.
    #[must_use]
    pub fn number(&self, node: &Node) -> i64 {
        node.as_integer().unwrap_or_else(|| self.default_of(plain(node)))
    }

    /// The timeout of a function in seconds.
    #[must_use]
    pub fn timeout(&self, function: &Node) -> i64 {
        property(function, "Timeout")
            .unwrap_or(&self.root["Globals"]["Function"]["Timeout"])
            .as_integer()
            .unwrap()
    }

    /// Every route.
    #[must_use]
    pub fn routes(&self) -> Vec<Route<'_>> {
        let route = |(function, properties)| {
            let text = |key| property(properties, key).map(|it: &Node| it.as_str().unwrap());
            let auth = property(properties, "Auth");
            Route { function, method: text("Method"), path: text("Path"), auth }
        };
        self.events("HttpApi").into_iter().map(route).collect()
    }

    /// The function id, queue id and properties of every event source mapping.
    #[must_use]
    pub fn queue_consumers(&self) -> Vec<(&str, &str, &Node)> {
        let consumers = self.events("SQS").into_iter();
        let consumers: Vec<_> =
            consumers.map(|(id, source)| (id, get_att(&source["Queue"]), source)).collect();
        assert!(!consumers.is_empty());
        consumers
    }

    /// The function id and properties of every event of one type.
    fn events(&self, kind: &str) -> Vec<(&str, &Node)> {
        self.functions()
            .into_iter()
            .filter_map(|(id, function)| Some((id, property(function, "Events")?.as_mapping()?)))
            .flat_map(|(id, events)| events.values().map(move |event| (id, event)))
            .filter(|(_, event)| event["Type"].as_str() == Some(kind))
            .map(|(id, event)| (id, &event["Properties"]))
            .collect()
    }

    /// Every `Allow` statement, with the logical id of the role or policy that contains it.
    #[must_use]
    pub fn allowed(&self) -> Vec<(&str, &Node)> {
        let inline = self.of_type("AWS::IAM::Role").into_iter().flat_map(|(id, role)| {
            let policies =
                property(role, "Policies").map_or(&[][..], |list| list.as_vec().unwrap());
            policies.iter().map(move |policy| (id, &policy["PolicyDocument"]))
        });
        let managed = self.of_type("AWS::IAM::ManagedPolicy").into_iter();
        let managed = managed.map(|(id, policy)| (id, &policy["PolicyDocument"]));
        inline
            .chain(managed)
            .flat_map(|(id, document)| {
                document["Statement"].as_vec().unwrap().iter().map(move |statement| (id, statement))
            })
            .filter(|(_, statement)| statement["Effect"].as_str() == Some("Allow"))
            .collect()
    }
}

/// The value under `key`, if the mapping has one.
#[must_use]
pub fn property<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    node.as_mapping_get(key)
}

/// An environment variable of a function, apart from those that all functions have.
#[must_use]
pub fn variable_of<'a>(function: &'a Node, name: &str) -> Option<&'a Node> {
    property(&property(function, "Environment")?["Variables"], name)
}

/// The text of a scalar, with or without a tag such as `!Sub` or `!Ref`.
#[must_use]
pub fn plain(node: &Node) -> &str {
    node.get_tagged_node().unwrap_or(node).as_str().unwrap()
}

/// The arguments of a function such as `!If`, which must be `name`.
#[must_use]
pub fn arguments<'a>(node: &'a Node, name: &str) -> &'a [Node] {
    assert_eq!(node.get_tag().unwrap().suffix, name);
    node.get_tagged_node().unwrap().as_vec().unwrap()
}

/// The logical id in `!GetAtt Id.Arn`, or `Id.ResourceArn` where a service calls it that.
#[must_use]
pub fn get_att(node: &Node) -> &str {
    assert_eq!(node.get_tag().unwrap().suffix, "GetAtt");
    let name = plain(node);
    name.strip_suffix(".Arn").or_else(|| name.strip_suffix(".ResourceArn")).unwrap()
}

/// A string or a list of strings, as a list.
#[must_use]
pub fn strings(node: &Node) -> Vec<&str> {
    match node.as_vec() {
        Some(list) => list.iter().map(|item| item.as_str().unwrap()).collect(),
        None => vec![node.as_str().unwrap()],
    }
}

/// The folder of a function, given its logical id: `CreateOrderFunction` is `create-order`.
#[must_use]
pub fn folder(function: &str) -> String {
    let mut name = String::new();
    for letter in function.strip_suffix("Function").unwrap().chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.extend(letter.to_lowercase());
    }
    name
}
