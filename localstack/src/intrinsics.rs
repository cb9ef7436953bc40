//! What CloudFormation's functions come to, as far as the API's definition uses them.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use waybill_ops::error::{Error, Result};

/// What a template's references resolve to.
pub(crate) struct Place<'a> {
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    /// The value of a parameter.
    pub(crate) parameter: &'a dyn Fn(&str) -> Option<String>,
    /// The physical id of a logical one.
    pub(crate) physical_id: &'a dyn Fn(&str) -> Option<String>,
}

/// A template in its place.
pub(crate) struct Resolver<'a> {
    template: &'a Value,
    place: &'a Place<'a>,
}

impl<'a> Resolver<'a> {
    /// Nothing is resolved yet.
    pub(crate) fn new(template: &'a Value, place: &'a Place<'a>) -> Self {
        Self { template, place }
    }

    /// The value without references and conditions; none is left of `AWS::NoValue`.
    ///
    /// # Errors
    /// If there is a function that is not understood, or a name that is not known.
    pub(crate) fn resolve(&self, value: &Value) -> Result<Option<Value>> {
        match value {
            Value::Object(object) => match function(object) {
                Some(("Ref", Value::String(name))) if name == "AWS::NoValue" => Ok(None),
                Some(("Ref", Value::String(name))) => {
                    self.reference(name).map(Value::from).map(Some)
                }
                Some(("Fn::Sub", Value::String(text))) => {
                    self.substitute(text).map(Value::from).map(Some)
                }
                Some(("Fn::If", Value::Array(parts))) => match parts.as_slice() {
                    [Value::String(condition), yes, no] => {
                        self.resolve(if self.condition(condition)? { yes } else { no })
                    }
                    _ => Err(not_understood("an Fn::If of another form")),
                },
                Some((name, _)) => Err(not_understood(&format!("`{name}` in this form"))),
                None => {
                    let mut resolved = Map::new();
                    for (key, value) in object {
                        resolved.extend(self.resolve(value)?.map(|value| (key.clone(), value)));
                    }
                    Ok(Some(resolved.into()))
                }
            },
            Value::Array(items) => {
                let items: Vec<_> =
                    items.iter().map(|item| self.resolve(item)).collect::<Result<_>>()?;
                Ok(Some(items.into_iter().flatten().collect()))
            }
            plain => Ok(Some(plain.clone())),
        }
    }

    /// `Fn::Sub` without variables of its own. Of attributes, it knows the ARN of a function.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub(crate) fn substitute(&self, text: &str) -> Result<String> {
        let Place { region, account, .. } = self.place;
        let mut parts = text.split("${");
        let mut result = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) =
                part.split_once('}').ok_or_else(|| not_understood(&format!("the text {text}")))?;
            match name.strip_suffix(".Arn") {
                None => result.push_str(&self.reference(name)?),
                Some(function) => {
                    let function = (self.place.physical_id)(function)
                        .ok_or_else(|| not_understood(&format!("${{{name}}}")))?;
                    let _ = write!(result, "arn:aws:lambda:{region}:{account}:function:{function}");
                }
            }
            result.push_str(rest);
        }
        Ok(result)
    }

    fn reference(&self, name: &str) -> Result<String> {
        match name {
            "AWS::Partition" => Ok("aws".to_owned()),
            "AWS::URLSuffix" => Ok("amazonaws.com".to_owned()),
            "AWS::Region" => Ok(self.place.region.to_owned()),
            "AWS::AccountId" => Ok(self.place.account.to_owned()),
            _ => (self.place.parameter)(name)
                .or_else(|| (self.place.physical_id)(name))
                .ok_or_else(|| not_understood(&format!("a reference to {name}"))),
        }
    }

    fn condition(&self, name: &str) -> Result<bool> {
        let found = self.template.get("Conditions").and_then(|conditions| conditions.get(name));
        self.holds(found.ok_or_else(|| not_understood(&format!("the condition {name}")))?)
    }

    fn holds(&self, condition: &Value) -> Result<bool> {
        match condition.as_object().and_then(function) {
            Some(("Fn::Equals", Value::Array(sides))) if let [one, other] = sides.as_slice() => {
                Ok(self.resolve(one)? == self.resolve(other)?)
            }
            Some(("Fn::Not", Value::Array(negated))) if let [condition] = negated.as_slice() => {
                Ok(!self.holds(condition)?)
            }
            _ => Err(not_understood("a condition other than Fn::Equals and Fn::Not")),
        }
    }
}

/// The name and the argument, if the object is a function and nothing else.
fn function(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = object.iter().next()?;
    let is_one = name == "Ref" || name == "Condition" || name.starts_with("Fn::");
    (object.len() == 1 && is_one).then_some((name.as_str(), argument))
}

/// What the local API can't be made of.
pub(crate) fn not_understood(what: &str) -> Error {
    Error::new(format!(
        "The processed template holds {what}, which localstack/src/routes.rs does not understand. \
         Teach it, so that the local API stays the one that is deployed."
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resolve(value: &Value) -> Result<Option<Value>> {
        let template = json!({"Conditions": {
            "Own": {"Fn::Equals": [{"Ref": "Issuer"}, ""]},
            "Named": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Issuer"}, ""]}]},
            "Odd": {"Fn::Or": []},
        }});
        let parameter = |name: &str| (name == "Issuer").then(|| "https://a.example".to_owned());
        let physical_id = |name: &str| (name == "Get").then(|| "waybill-get".to_owned());
        let place = Place {
            region: "eu-west-1",
            account: "000000000000",
            parameter: &parameter,
            physical_id: &physical_id,
        };
        Resolver::new(&template, &place).resolve(value)
    }

    #[test]
    fn references_and_substitutions_come_to_what_they_name() {
        let value =
            json!([{"Ref": "Issuer"}, {"Fn::Sub": "x ${Get} ${Get.Arn} ${AWS::Region}"}, 7]);
        let arn = "arn:aws:lambda:eu-west-1:000000000000:function:waybill-get";
        let expected = json!(["https://a.example", format!("x waybill-get {arn} eu-west-1"), 7]);
        assert_eq!(resolve(&value).unwrap(), Some(expected));
    }

    #[test]
    fn a_condition_takes_one_side_and_what_has_no_value_is_not_there() {
        let either = |condition| json!({"Fn::If": [condition, ["own"], {"Ref": "AWS::NoValue"}]});
        assert_eq!(resolve(&either("Named")).unwrap(), Some(json!(["own"])));
        assert_eq!(resolve(&either("Own")).unwrap(), None);
        let within = json!({"a": either("Own"), "b": [either("Own"), 1]});
        assert_eq!(resolve(&within).unwrap(), Some(json!({"b": [1]})));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for value in [
            json!({"Ref": "Other"}),
            json!({"Fn::Sub": "${Other.Arn}"}),
            json!({"Fn::Sub": "${Issuer"}),
            json!({"Fn::GetAtt": ["Get", "Arn"]}),
            json!({"Fn::If": ["None", 1, 2]}),
            json!({"Fn::If": ["Odd", 1, 2]}),
            json!([{"a": {"Fn::Join": []}}]),
        ] {
            assert!(resolve(&value).is_err(), "{value}");
        }
    }
}
