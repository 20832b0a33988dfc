//! The part of Groovy that connections use: texts with `${…}` in them, evaluated over JSON.

use serde_json::{Value, json};
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

/// The values that an expression can name.
pub type Bindings = serde_json::Map<String, Value>;

/// Evaluates the expressions of a text. A text of exactly one expression becomes the value of the
/// expression.
pub fn evaluate(text: &str, bindings: &Bindings) -> Result<Value, String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let end = end_of_expression(after)
            .ok_or_else(|| format!("an expression does not end: {text}"))?;
        let value = Parser::new(&after[..end], bindings).whole()?;
        rest = &after[end + 1..];
        if before.is_empty() && result.is_empty() && rest.is_empty() {
            return Ok(value);
        }
        result.push_str(before);
        result.push_str(&text_of(&value));
    }
    result.push_str(rest);
    Ok(Value::String(result))
}

/// Converts a value to text, as Groovy does; null becomes `null`.
pub fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn end_of_expression(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut quote = None;
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), letter) if open == letter => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}') => depth -= 1,
            _ => {}
        }
    }
    None
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Literal(Value),
    Sign(&'static str),
}

/// The operators, longer ones first.
const SIGNS: [&str; 18] = [
    "?.", "?:", "==", "!=", ">=", "<=", "&&", "||", "?", ":", ".", "+", ">", "<", "(", ")", ",",
    "[",
];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '\'' || first == '"' {
            let end =
                rest[1..].find(first).ok_or_else(|| format!("a text does not end: {text}"))?;
            found.push(Token::Literal(json!(rest[1..=end])));
            rest = &rest[end + 2..];
        } else if first.is_ascii_digit() {
            let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
            found.push(Token::Literal(json!(rest[..end].parse::<i64>().unwrap())));
            rest = &rest[end..];
        } else if first.is_alphabetic() {
            let end = rest
                .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
                .unwrap_or(rest.len());
            found.push(match &rest[..end] {
                "null" => Token::Literal(Value::Null),
                name => Token::Name(name.to_owned()),
            });
            rest = &rest[end..];
        } else {
            let sign = SIGNS.iter().chain(&["]"]).find(|sign| rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| format!("`{first}` is not understood: {text}"))?;
            found.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        }
        rest = rest.trim_start();
    }
    Ok(found)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    bindings: &'a Bindings,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, bindings: &'a Bindings) -> Self {
        Self { text, tokens: Vec::new(), at: 0, bindings }
    }

    fn whole(mut self) -> Result<Value, String> {
        self.tokens = tokens(self.text)?;
        let value = self.expression(true)?;
        if self.at == self.tokens.len() { Ok(value) } else { self.wrong("there is more") }
    }

    fn wrong<T>(&self, what: &str) -> Result<T, String> {
        Err(format!("{what} at token {} of {}", self.at, self.text))
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Sign(next)) if *next == sign);
        self.at += usize::from(found);
        found
    }

    /// An expression that is not `needed`, such as the other branch of `?:`, is parsed and not
    /// evaluated.
    fn expression(&mut self, needed: bool) -> Result<Value, String> {
        let value = self.comparison(needed)?;
        if self.takes("?:") {
            let other = self.expression(needed && !truth(&value))?;
            return Ok(if truth(&value) { value } else { other });
        }
        if !self.takes("?") {
            return Ok(value);
        }
        let chosen = truth(&value);
        let first = self.expression(needed && chosen)?;
        if !self.takes(":") {
            return self.wrong("`:` is missing");
        }
        let second = self.expression(needed && !chosen)?;
        Ok(if chosen { first } else { second })
    }

    fn comparison(&mut self, needed: bool) -> Result<Value, String> {
        let left = self.sum(needed)?;
        for sign in ["==", "!=", ">", "<"] {
            if self.takes(sign) {
                let right = self.sum(needed)?;
                let greater =
                    |a: &Value, b: &Value| a.as_i64().zip(b.as_i64()).is_some_and(|(a, b)| a > b);
                return Ok(json!(match sign {
                    "==" => left == right,
                    "!=" => left != right,
                    ">" => greater(&left, &right),
                    _ => greater(&right, &left),
                }));
            }
        }
        Ok(left)
    }

    fn sum(&mut self, needed: bool) -> Result<Value, String> {
        let mut value = self.postfix(needed)?;
        while self.takes("+") {
            let other = self.postfix(needed)?;
            value = match (value.as_i64(), other.as_i64()) {
                (Some(a), Some(b)) => json!(a + b),
                _ => json!(text_of(&value) + &text_of(&other)),
            };
        }
        Ok(value)
    }

    fn postfix(&mut self, needed: bool) -> Result<Value, String> {
        let mut value = self.primary(needed)?;
        loop {
            let safe = self.takes("?.");
            if safe || self.takes(".") {
                let Some(Token::Name(name)) = self.tokens.get(self.at).cloned() else {
                    return self.wrong("no name");
                };
                self.at += 1;
                let arguments = if self.takes("(") { Some(self.arguments(needed)?) } else { None };
                if !needed || safe && value.is_null() {
                    value = Value::Null;
                    continue;
                }
                if value.is_null() {
                    return self.wrong(&format!("`{name}` of null"));
                }
                value = match arguments {
                    None => value.get(&name).cloned().unwrap_or_default(),
                    Some(arguments) => match call(&value, &name, &arguments) {
                        Some(result) => result,
                        None => return self.wrong(&format!("`{name}` is not understood")),
                    },
                };
            } else {
                return Ok(value);
            }
        }
    }

    fn arguments(&mut self, needed: bool) -> Result<Vec<Value>, String> {
        let mut arguments = Vec::new();
        while !self.takes(")") {
            arguments.push(self.expression(needed)?);
            if !self.takes(",") && !matches!(self.tokens.get(self.at), Some(Token::Sign(")"))) {
                return self.wrong("`)` is missing");
            }
        }
        Ok(arguments)
    }

    fn primary(&mut self, needed: bool) -> Result<Value, String> {
        if self.takes("(") {
            let value = self.expression(needed)?;
            return if self.takes(")") { Ok(value) } else { self.wrong("`)` is missing") };
        }
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        match token {
            Some(Token::Literal(value)) => Ok(value),
            Some(Token::Name(name)) if name == "Math" => Ok(json!("Math")),
            Some(Token::Name(name)) if name == "new" => {
                let date = self.tokens.get(self.at) == Some(&Token::Name("Date".to_owned()));
                self.at += 1;
                if date && self.takes("(") && self.takes(")") {
                    Ok(json!(OffsetDateTime::now_utc().unix_timestamp()))
                } else {
                    self.wrong("only `new Date()` is understood")
                }
            }
            Some(Token::Name(name)) => match self.bindings.get(&name) {
                Some(value) => Ok(value.clone()),
                None if needed => self.wrong(&format!("there is no `{name}`")),
                None => Ok(Value::Null),
            },
            _ => self.wrong("no value"),
        }
    }
}

fn call(value: &Value, name: &str, arguments: &[Value]) -> Option<Value> {
    let text = || value.as_str();
    Some(match (name, arguments) {
        ("addExact", [a, b]) if text() == Some("Math") => {
            json!(a.as_i64()?.checked_add(b.as_i64()?)?)
        }
        ("size", []) => json!(value.as_array()?.len()),
        ("trim", []) => json!(text()?.trim()),
        ("replace", [old, new]) => json!(text()?.replace(old.as_str()?, new.as_str()?)),
        // Dates are UNIX seconds here.
        ("minus", [days]) => {
            json!(value.as_i64()? - Duration::days(days.as_i64()?).whole_seconds())
        }
        ("format", [pattern]) if pattern == "yyyy-MM-dd'T'HH:mm:ss'Z'" => {
            let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
            json!(OffsetDateTime::from_unix_timestamp(value.as_i64()?).ok()?.format(form).ok()?)
        }
        _ => return None,
    })
}

/// Groovy's truth: null, false, 0 and what is empty are false.
fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_i64() != Some(0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

#[test]
fn expressions_of_published_connections_are_understood() {
    let Value::Object(bindings) = json!({
        "response": {"completeResponseMap": {"next": "n", "itemsPerPage": 2, "startIndex": 1}, "objectList": [1, 2]},
        "headers": {"Link": "<http://x/y?a=1>; rel=\"next\""},
        "account": null, "task": {"tasktype": 2},
    }) else {
        unreachable!()
    };
    let value = |text: &str| evaluate(text, &bindings);
    assert_eq!(value("plain").unwrap(), "plain");
    let next =
        "${response?.completeResponseMap?.next==null?null:response.completeResponseMap.next}";
    assert_eq!(value(next).unwrap(), "n");
    assert_eq!(value(&next.replace("next", "none")).unwrap(), Value::Null);
    let sum = "Math.addExact(response.completeResponseMap.itemsPerPage,response.completeResponseMap.startIndex)";
    assert_eq!(
        value(&format!("${{response?.objectList?.size()>0?'s='+{sum}+'&c=1':null}}")).unwrap(),
        "s=3&c=1"
    );
    let link = "${headers?.Link==null?null:headers.Link.replace('<','').replace('>; rel=\"next\"','').trim()}";
    assert_eq!(value(link).unwrap(), "http://x/y?a=1");
    assert_eq!(value("${account?.accountID?:''}").unwrap(), "");
    assert_eq!(value("a ${task.tasktype==1?'x':task.tasktype==2?'y':'z'} b").unwrap(), "a y b");
    assert_eq!(
        value("${new Date().minus(2).format(\"yyyy-MM-dd'T'HH:mm:ss'Z'\")}")
            .unwrap()
            .as_str()
            .unwrap()
            .len(),
        20
    );
    assert!(value("${account.accountID}").unwrap_err().contains("of null"));
    assert!(value("${nobody}").unwrap_err().contains("there is no `nobody`"));
    assert!(value("${'a'.addExact(1)}").is_err());
}
