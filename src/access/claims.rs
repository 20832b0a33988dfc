//! The claims of a token, parsed strictly.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The claims of a token (RFC 7519 §4).
///
/// RFC 7519 §4: "The Claim Names within a JWT Claims Set MUST be unique; JWT parsers MUST either
/// reject JWTs with duplicate Claim Names or use a JSON parser that returns only the lexically last
/// duplicate member name". They are rejected here: a proxy in front may have read the other value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims(pub Map<String, Value>);

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Unique::deserialize(deserializer)?.0 {
            Value::Object(claims) => Ok(Self(claims)),
            _ => Err(D::Error::custom("no object")),
        }
    }
}

/// JSON in which no object has a duplicate name, at any depth.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON whose names are unique")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Unique(value))) = access.next_entry::<String, Unique>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name comes twice"));
            }
        }
        Ok(Value::Object(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(value)) = access.next_element()? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
}

impl Claims {
    /// A claim that is a non-empty string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.at(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A NumericDate (RFC 7519 §2) in whole seconds; fractions are allowed and cut off.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it saturates, and such times are beyond all clocks"
    )]
    pub fn time(&self, name: &str) -> Option<i64> {
        let value = self.at(name)?;
        value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
    }

    /// The words of a claim: a string with spaces between them (RFC 8693 §4.2), or an array of
    /// strings.
    #[must_use]
    pub fn words(&self, name: &str) -> Vec<&str> {
        match self.at(name) {
            Some(Value::String(text)) => text.split_whitespace().collect(),
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether `aud` contains one of `audiences`. It is a string or an array of strings (RFC 7519
    /// §4.1.3).
    #[must_use]
    pub fn is_for(&self, audiences: &[String]) -> bool {
        let named = match self.0.get("aud") {
            Some(Value::String(audience)) => vec![audience.as_str()],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        named.iter().any(|audience| audiences.iter().any(|ours| ours == audience))
    }

    /// Whether `aud` names at least one audience, and each is one of `audiences`.
    #[must_use]
    pub fn is_only_for(&self, audiences: &[String]) -> bool {
        let ours = |value: &Value| audiences.iter().any(|ours| value.as_str() == Some(ours));
        match self.0.get("aud") {
            Some(Value::Array(list)) => !list.is_empty() && list.iter().all(ours),
            Some(value) => ours(value),
            None => false,
        }
    }

    /// Finds a claim by its name. If there is none, a name with dots is a path through nested
    /// objects, such as `realm_access.roles`.
    pub fn at(&self, name: &str) -> Option<&Value> {
        self.0.get(name).or_else(|| {
            let (first, rest) = name.split_once('.')?;
            rest.split('.').try_fold(self.0.get(first)?, |object, step| object.get(step))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_str, json};

    use super::*;

    #[test]
    fn names_are_unique_at_any_depth() {
        assert!(from_str::<Claims>(r#"{"sub":"a","aud":"b"}"#).is_ok());
        assert!(from_str::<Claims>(r#"{"sub":"a","sub":"a"}"#).is_err());
        assert!(from_str::<Claims>(r#"{"realm_access":[{"roles":["a"],"roles":["b"]}]}"#).is_err());
        assert!(from_str::<Claims>(r#"["sub"]"#).is_err());
    }

    #[test]
    fn claims_are_read_as_issuers_write_them() {
        let claims = from_str::<Claims>(
            &json!({
                "scp": ["scim.read", 7], "scope": "a  b", "aud": ["x", "y"], "exp": 12.9, "empty": "",
                "realm_access": {"roles": ["auditor"]}, "https://bridge/roles": "c",
            })
            .to_string(),
        )
        .unwrap();
        assert_eq!(claims.words("scp"), ["scim.read"]);
        assert_eq!(claims.words("scope"), ["a", "b"]);
        assert_eq!(claims.words("realm_access.roles"), ["auditor"]);
        assert_eq!(claims.words("https://bridge/roles"), ["c"]);
        assert_eq!(claims.words("nothing.here"), Vec::<&str>::new());
        assert_eq!(
            (claims.time("exp"), claims.time("scope"), claims.text("empty")),
            (Some(12), None, None)
        );
        assert!(claims.is_for(&["y".to_owned()]) && !claims.is_for(&["z".to_owned()]));
    }
}
