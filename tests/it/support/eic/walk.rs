//! Reads a list page by page, in each of the ways that connections can configure.

use serde_json::{Value, json};

use super::connection::{Connection, Response};
use super::groovy::{Bindings, evaluate};
use super::path;

/// More pages than any list of the tests.
const MOST_PAGES: usize = 2_000;

/// Returns the items of all pages that could be read, and the error that ended the walk. `between`
/// is called before each page but the first.
pub async fn items(
    connection: &mut Connection,
    call: &Value,
    success: &Value,
    bindings: &Bindings,
    mut between: impl AsyncFnMut(usize),
) -> (Vec<Value>, Result<(), String>) {
    let mut found = Vec::new();
    let mut http = call["http"].clone();
    let first = http["url"].as_str().unwrap().to_owned();
    if let Some(query) = counted(&call["pagination"], 0) {
        http["url"] = json!(with(&first, &query));
    }
    for page in 1..=MOST_PAGES {
        let response = match connection.call(&http, bindings).await {
            Ok(response)
                if success["statusCode"].as_array().unwrap().contains(&json!(response.status)) =>
            {
                response
            }
            Ok(response) => return (found, Err(format!("{} {}", response.status, response.body))),
            Err(why) => return (found, Err(why)),
        };
        let list =
            path::at(&response.body, call["listField"].as_str().unwrap()).and_then(Value::as_array);
        let Some(list) = list.cloned() else {
            return (found, Err("there is no list in the answer".to_owned()));
        };
        let next = match next_url(&call["pagination"], &first, page, &response, &list) {
            Ok(next) => next,
            Err(why) => return (found, Err(why)),
        };
        found.extend(list);
        match next {
            Some(next) => http["url"] = json!(next),
            None => return (found, Ok(())),
        }
        between(page).await;
    }
    (found, Err("the walk has no end".to_owned()))
}

fn with(url: &str, query: &str) -> String {
    format!("{url}{}{query}", if url.contains('?') { '&' } else { '?' })
}

/// Returns the parameters of the next page, if pages are counted.
fn counted(pagination: &Value, pages: usize) -> Option<String> {
    let text = |style: &Value, name: &str| style[name].as_str().unwrap().to_owned();
    let number =
        |style: &Value, name: &str| usize::try_from(style[name].as_u64().unwrap()).unwrap();
    if let Some(style) = pagination.get("page") {
        let number_name = text(style, "pageNumberParam");
        let size_name = text(style, "pageSizeParam");
        let page = number(style, "firstPageNumber") + pages;
        return Some(format!("{number_name}={page}&{size_name}={}", number(style, "pageSize")));
    }
    let style = pagination.get("offset")?;
    let size = number(style, "batchSize");
    Some(format!(
        "{}={}&{}={size}",
        text(style, "offsetParam"),
        pages * size,
        text(style, "batchParam")
    ))
}

fn next_url(
    pagination: &Value,
    first: &str,
    pages: usize,
    response: &Response,
    list: &[Value],
) -> Result<Option<String>, String> {
    if let Some(style) = pagination.get("nextUrl") {
        let expression = style["nextUrlPath"].as_str().unwrap();
        if !expression.contains("${") {
            return Ok(path::text(&response.body, expression));
        }
        let Value::Object(bindings) = json!({
            "response": {"completeResponseMap": response.body, "objectList": list},
            "headers": response.headers,
        }) else {
            unreachable!()
        };
        return Ok(evaluate(expression, &bindings)?.as_str().map(str::to_owned));
    }
    let Some(style) = pagination.get("page").or_else(|| pagination.get("offset")) else {
        return Ok(None);
    };
    let total = style["totalCountPath"].as_str().unwrap().replace("completeResponseMap.", "");
    let total: usize = path::text(&response.body, &total)
        .and_then(|total| total.parse().ok())
        .ok_or("no total")?;
    let size = style["pageSize"].as_u64().or_else(|| style["batchSize"].as_u64()).unwrap();
    let more = pages < total.div_ceil(usize::try_from(size).unwrap());
    Ok(more.then(|| with(first, &counted(pagination, pages).unwrap())))
}
