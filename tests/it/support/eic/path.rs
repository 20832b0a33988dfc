//! Paths in a response, such as `a.b` or `emails[0].value`, with the type of the column.

use serde_json::Value;

/// Returns the value at a path as the text of a column; `None` if it is null or missing.
pub fn text(value: &Value, path: &str) -> Option<String> {
    let (path, _) = path.split_once("~#~").unwrap_or((path, "char"));
    match at(value, path) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    }
}

/// Returns the value at a path; the whole value for an empty path.
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
