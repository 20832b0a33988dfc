//! Converts the description to an `.http` file: requests to send by hand, for editors and Bruno.

use std::fmt::Write;

use serde_json::Value;

use super::complete::METHODS;

/// Renders all operations, each with its parameters, headers and body.
pub(super) fn collection(document: &Value) -> String {
    let mut text = "# Every call of the bridge, made from openapi/bridge.json. Set the first two lines to yours.\n\
                    @base = http://127.0.0.1:8080\n@token = paste-a-token\n"
        .to_owned();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                // Writing to a `String` cannot fail.
                let _ = request(&mut text, method, path, operation);
            }
        }
    }
    text
}

fn request(text: &mut String, method: &str, path: &str, operation: &Value) -> std::fmt::Result {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    writeln!(
        text,
        "\n### {}\n# @name {}",
        word(&operation["summary"]).replace('\n', " "),
        word(&operation["operationId"])
    )?;
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query") {
        let description = word(&parameter["description"]).replace('\n', " ");
        writeln!(text, "# ?{}: {description}", word(&parameter["name"]))?;
    }
    let path = path.replace('{', "{{").replace('}', "}}");
    writeln!(text, "{} {{{{base}}}}{path}", method.to_uppercase())?;
    if operation.get("security").is_some() {
        writeln!(text, "Authorization: Bearer {{{{token}}}}")?;
    }
    let content = operation.pointer("/requestBody/content").and_then(Value::as_object);
    if let Some((content_type, _)) = content.and_then(|content| content.iter().next()) {
        let body =
            if content_type.ends_with("json") { "{}" } else { "grant_type=client_credentials" };
        writeln!(text, "Content-Type: {content_type}\n\n{body}")?;
    }
    Ok(())
}
