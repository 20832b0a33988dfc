//! Query strings and forms (`application/x-www-form-urlencoded`), without knowledge of their
//! parameters.

/// The decoded parameters, in their order.
pub fn pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

/// The first value of a parameter.
pub fn first(text: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(text).find(|(known, _)| known == name).map(|(_, value)| value.into())
}

/// The value of a parameter; `None` if it is missing or repeated.
///
/// RFC 6749 §3.1: "Request and response parameters MUST NOT be included more than once."
pub fn only(text: &[u8], name: &str) -> Option<String> {
    let mut values = form_urlencoded::parse(text).filter(|(known, _)| known == name);
    let value = values.next()?.1;
    values.next().is_none().then(|| value.into())
}

/// Encodes parameters.
pub fn encode<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
