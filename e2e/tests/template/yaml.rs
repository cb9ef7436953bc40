//! The template as its tests read it.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode, Yaml};

/// `template.yaml`, every `!Tag` kept as the node that it was.
pub(crate) struct Template {
    pub(crate) root: Yaml<'static>,
}

impl Template {
    pub(crate) fn read() -> Self {
        let text = include_str!("../../../template.yaml");
        let root = Yaml::load_from_str(text).unwrap().into_iter().next().unwrap();
        Self { root }
    }

    /// Logical id and properties of every resource of one type.
    pub(crate) fn of_type(&self, kind: &str) -> BTreeMap<&str, &Yaml<'static>> {
        self.root["Resources"]
            .as_mapping()
            .unwrap()
            .iter()
            .filter(|(_, resource)| resource["Type"].as_str() == Some(kind))
            .map(|(id, resource)| (id.as_str().unwrap(), &resource["Properties"]))
            .collect()
    }

    pub(crate) fn functions(&self) -> BTreeMap<&str, &Yaml<'static>> {
        let functions = self.of_type("AWS::Serverless::Function");
        assert_eq!(functions.len(), 13);
        functions
    }

    /// Seconds after which Lambda ends an invocation.
    pub(crate) fn timeout(&self, function: &Yaml<'static>) -> i64 {
        property(function, "Timeout")
            .unwrap_or(&self.root["Globals"]["Function"]["Timeout"])
            .as_integer()
            .unwrap()
    }

    /// Function id, queue id and properties of every event source mapping.
    pub(crate) fn queue_consumers(&self) -> Vec<(&str, &str, &Yaml<'static>)> {
        let consumers: Vec<_> = self
            .functions()
            .into_iter()
            .filter_map(|(id, function)| Some((id, property(function, "Events")?.as_mapping()?)))
            .flat_map(|(id, events)| events.values().map(move |event| (id, event)))
            .filter(|(_, event)| event["Type"].as_str() == Some("SQS"))
            .map(|(id, event)| (id, get_att(&event["Properties"]["Queue"]), &event["Properties"]))
            .collect();
        assert!(!consumers.is_empty());
        consumers
    }

    /// Where they stand, and the `Allow` statements of every policy, inline or managed.
    pub(crate) fn allowed(&self) -> Vec<(&str, &Yaml<'static>)> {
        let inline = self.of_type("AWS::IAM::Role").into_iter().flat_map(|(id, role)| {
            let policies =
                property(role, "Policies").map_or(&[][..], |list| list.as_vec().unwrap());
            policies.iter().map(move |policy| (id, &policy["PolicyDocument"]))
        });
        let managed = self
            .of_type("AWS::IAM::ManagedPolicy")
            .into_iter()
            .map(|(id, policy)| (id, &policy["PolicyDocument"]));
        inline
            .chain(managed)
            .flat_map(|(id, document)| {
                document["Statement"].as_vec().unwrap().iter().map(move |statement| (id, statement))
            })
            .filter(|(_, statement)| statement["Effect"].as_str() == Some("Allow"))
            .collect()
    }
}

/// What stands behind each route, with its `Auth`.
pub(crate) fn routes(template: &Template) -> Vec<(&str, String, Option<&Yaml<'static>>)> {
    let functions = template.functions().into_iter();
    let events = functions
        .filter_map(|(id, function)| Some((id, property(function, "Events")?.as_mapping()?)))
        .flat_map(|(id, events)| events.values().map(move |event| (id, event)));
    let routes = events.filter(|(_, event)| event["Type"].as_str() == Some("HttpApi")).map(|it| {
        let (id, properties) = (it.0, &it.1["Properties"]);
        let [method, path] =
            ["Method", "Path"].map(|key| property(properties, key).map(|it| it.as_str().unwrap()));
        let route = match (method, path) {
            (Some(method), Some(path)) => format!("{method} {path}"),
            (None, None) => "$default".to_owned(),
            half => panic!("{id}: {half:?}"),
        };
        (id, route, property(properties, "Auth"))
    });
    routes.collect()
}

/// The value under `key`, if the mapping has one.
pub(crate) fn property<'a>(node: &'a Yaml<'static>, key: &str) -> Option<&'a Yaml<'static>> {
    node.as_mapping_get(key)
}

/// What a function is given under this name, apart from what all functions are given.
pub(crate) fn variable_of<'a>(
    function: &'a Yaml<'static>,
    name: &str,
) -> Option<&'a Yaml<'static>> {
    property(&property(function, "Environment")?["Variables"], name)
}

/// The text of a scalar, whether or not it is tagged with `!Sub` or `!Ref`.
pub(crate) fn plain<'a>(node: &'a Yaml<'static>) -> &'a str {
    node.get_tagged_node().unwrap_or(node).as_str().unwrap()
}

/// The logical id in `!GetAtt Id.Arn`.
pub(crate) fn get_att<'a>(node: &'a Yaml<'static>) -> &'a str {
    assert_eq!(node.get_tag().unwrap().suffix, "GetAtt");
    plain(node).strip_suffix(".Arn").unwrap()
}

/// A string or a list of strings, as a list.
pub(crate) fn strings<'a>(node: &'a Yaml<'static>) -> Vec<&'a str> {
    match node.as_vec() {
        Some(list) => list.iter().map(|item| item.as_str().unwrap()).collect(),
        None => vec![node.as_str().unwrap()],
    }
}

/// All of a function's own code.
pub(crate) fn source(function: &str) -> String {
    let folder = format!("{}/../functions/{function}/src", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_dir(folder)
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect()
}

/// `CreateOrder` as `create-order`.
pub(crate) fn kebab(camel: &str) -> String {
    let mut name = String::new();
    for letter in camel.chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.extend(letter.to_lowercase());
    }
    name
}
