//! Where something is in an answer: `a.b`, `emails[0].value`, with the type that the column gets.

use serde_json::Value;

/// What is there, as the text of a column; nothing where it is null or missing.
pub fn text(value: &Value, path: &str) -> Option<String> {
    let (path, _) = path.split_once("~#~").unwrap_or((path, "char"));
    match at(value, path) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    }
}

/// What is there; the whole where the path is empty.
pub fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').filter(|part| !part.is_empty()).try_fold(value, |value, part| {
        let (name, index) = part
            .split_once('[')
            .map_or((part, None), |(name, index)| (name, index.strip_suffix(']')));
        let value = value.get(name)?;
        match index {
            Some(index) => value.get(index.parse::<usize>().ok()?),
            None => Some(value),
        }
    })
}
