//! A REST connection of EIC: its tokens and its calls.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::groovy::{Bindings, evaluate, text_of};
use super::path;
use crate::support::bridge::http;

/// The response to a call.
#[derive(Debug)]
pub struct Response {
    pub status: u64,
    pub body: Value,
    pub headers: Value,
}

/// A connection, as `ConnectionJSON` describes it.
pub struct Connection {
    authentication: Value,
    /// The whole value of the `Authorization` header.
    access_token: String,
    pub refreshes: usize,
    pub calls: usize,
    http: reqwest::Client,
}

impl Connection {
    pub fn new(connection: &Value, name: &str) -> Self {
        let authentication = connection["authentications"][name].clone();
        assert_eq!(authentication["authType"], "oauth2", "the only one that is needed");
        let access_token = authentication["accessToken"].as_str().unwrap().to_owned();
        Self { authentication, access_token, refreshes: 0, calls: 0, http: http() }
    }

    /// *Save & Test Connection*.
    pub async fn test(&mut self) -> Result<(), String> {
        let parameters = self.authentication["testConnectionParams"].clone();
        let response = self.call(&parameters["http"], &Bindings::new()).await?;
        let errors = parameters["errors"].as_array().unwrap();
        let said = path::text(&response.body, parameters["errorPath"].as_str().unwrap());
        if response.status == 200 && !errors.iter().any(|error| error.as_str() == said.as_deref()) {
            Ok(())
        } else {
            Err(format!("{} {}", response.status, response.body))
        }
    }

    /// Makes a call. If it is refused in the way that the connection describes, repeats it with a
    /// new token.
    pub async fn call(&mut self, call: &Value, bindings: &Bindings) -> Result<Response, String> {
        let most = self.authentication["maxRefreshTryCount"].as_u64().unwrap();
        for _ in 0..=most {
            let response = self.once(call, bindings).await?;
            let renew = self.authentication["retryFailureStatusCode"].as_array().unwrap();
            if !renew.contains(&json!(response.status)) {
                return Ok(response);
            }
            self.refresh().await?;
        }
        Err("the token was refused again and again".to_owned())
    }

    async fn once(&mut self, call: &Value, bindings: &Bindings) -> Result<Response, String> {
        let mut bindings = bindings.clone();
        bindings.insert("access_token".to_owned(), json!(self.access_token));
        let filled = |text: &str| evaluate(text, &bindings).map(|value| text_of(&value));
        let method: Method = call["httpMethod"].as_str().unwrap().parse().unwrap();
        let mut request = self.http.request(method, filled(call["url"].as_str().unwrap())?);
        for (name, value) in call["httpHeaders"].as_object().unwrap() {
            request = request.header(name, filled(value.as_str().unwrap())?);
        }
        // Even without a body.
        request = request.header("Content-Type", call["httpContentType"].as_str().unwrap());
        if let Some(body) = call["httpParams"].as_str() {
            request = request.body(filled(body)?);
        }
        self.calls += 1;
        let response = request.send().await.map_err(|_| "no answer".to_owned())?;
        let headers: BTreeMap<String, String> = response
            .headers()
            .iter()
            // The client library has taken the case away; what was sent is looked at elsewhere.
            .map(|(name, value)| {
                (if name == "link" { "Link" } else { name.as_str() }, value.to_str().unwrap())
            })
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let status = u64::from(response.status().as_u16());
        let text = response.text().await.map_err(|_| "the answer broke off".to_owned())?;
        Ok(Response {
            status,
            body: serde_json::from_str(&text).unwrap_or_default(),
            headers: json!(headers),
        })
    }

    async fn refresh(&mut self) -> Result<(), String> {
        let authentication = &self.authentication;
        assert_eq!(authentication["httpContentType"], "application/x-www-form-urlencoded");
        let form: BTreeMap<&str, &str> = authentication["httpParams"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = self.http.post(authentication["url"].as_str().unwrap()).body(body);
        for (name, value) in authentication["httpHeaders"].as_object().unwrap() {
            request = request.header(name, value.as_str().unwrap());
        }
        let answer = request.send().await.map_err(|_| "no answer".to_owned())?;
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default();
        let token = path::text(&answer, authentication["tokenResponsePath"].as_str().unwrap());
        let token = token.ok_or_else(|| "no token was given".to_owned())?;
        crate::support::secrets::keep(&token);
        self.access_token = format!("{} {token}", authentication["tokenType"].as_str().unwrap());
        self.refreshes += 1;
        Ok(())
    }
}
