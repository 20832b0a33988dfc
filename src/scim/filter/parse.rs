//! Parses a filter into an [`Expression`].

use std::fmt;

use crate::scim::error::ScimError;

/// A parsed filter, not yet bound to attributes.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// `or`: at least one part matches.
    Or(Vec<Self>),
    /// `and`: all parts match.
    And(Vec<Self>),
    /// `not`: the inner expression does not match.
    Not(Box<Self>),
    /// `pr`: the attribute has a value.
    Present(Name),
    /// A comparison of the attribute with the literal.
    Compare(Name, Operator, Literal),
    /// One element of a multi-valued attribute matches the whole inner expression (`emails[…]`).
    Element(Name, Box<Self>),
}

impl Expression {
    /// The number of comparisons in the expression.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Or(parts) | Self::And(parts) => parts.iter().map(Self::size).sum(),
            Self::Not(inner) | Self::Element(_, inner) => inner.size(),
            Self::Present(_) | Self::Compare(..) => 1,
        }
    }
}

/// An attribute name as written, and its position. Two names are equal if they refer to the same
/// attribute: RFC 7643 §2.1, "Attribute names are case insensitive".
#[derive(Clone, Debug)]
pub struct Name {
    /// The name, for example `name.familyName`.
    pub text: String,
    /// The position in the filter, in characters, counted from 1.
    pub at: usize,
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

/// A comparison operator (RFC 7644 §3.4.2.2, Table 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// equal
    Eq,
    /// not equal
    Ne,
    /// contains
    Co,
    /// starts with
    Sw,
    /// ends with
    Ew,
    /// greater than
    Gt,
    /// greater than or equal to
    Ge,
    /// less than
    Lt,
    /// less than or equal to
    Le,
}

/// A literal in a comparison: a JSON value (RFC 7644 §3.4.2.2, `compValue`).
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number.
    Number(serde_json::Number),
    /// A string.
    Text(String),
}

/// The maximum nesting depth of parentheses and brackets. Real filters have about three levels; the
/// limit protects the stack.
const DEPTH: usize = 50;

const OPERATORS: [(&str, Operator); 9] = [
    ("eq", Operator::Eq),
    ("ne", Operator::Ne),
    ("co", Operator::Co),
    ("sw", Operator::Sw),
    ("ew", Operator::Ew),
    ("gt", Operator::Gt),
    ("ge", Operator::Ge),
    ("lt", Operator::Lt),
    ("le", Operator::Le),
];

/// Parses a filter.
///
/// # Errors
/// [`ScimError::InvalidFilter`] with the position and a message that says what was expected there.
pub fn parse(filter: &str) -> Result<Expression, ScimError> {
    let mut parser = Parser { text: filter, at: 0, depth: 0, in_brackets: false };
    let first = parser.term()?;
    // Most filters are a single comparison. Return early, without passing through every level of
    // precedence.
    if parser.peek().is_none() {
        return Ok(first);
    }
    let expression = parser.or_after(first)?;
    parser.skip_spaces();
    match parser.peek() {
        None => Ok(expression),
        Some(b')') => Err(parser.error("there is a `)` without its `(`")),
        Some(b']') => Err(parser.error("there is a `]` without its `[`")),
        Some(_) => Err(parser.error("expected `and`, `or` or the end of the filter")),
    }
}

struct Parser<'t> {
    text: &'t str,
    /// The offset in bytes.
    at: usize,
    depth: usize,
    in_brackets: bool,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn rest_bytes(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.rest_bytes().first().copied()
    }

    #[cold]
    fn error(&self, why: &str) -> ScimError {
        self.error_at(self.at, why)
    }

    #[cold]
    fn error_at(&self, at: usize, why: &str) -> ScimError {
        ScimError::InvalidFilter { at: Some(self.place(at)), why: why.to_owned() }
    }

    /// Converts an offset in bytes to a position in characters, counted from 1.
    fn place(&self, at: usize) -> usize {
        self.text[..at].chars().count() + 1
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    /// Consumes a character, and spaces before it.
    fn take(&mut self, expected: u8) -> bool {
        self.skip_spaces();
        let found = self.peek() == Some(expected);
        self.at += usize::from(found);
        found
    }

    /// Returns the next word without consuming it: the characters that can be in a name, a keyword
    /// or a number.
    fn word(&self) -> &'t str {
        let rest = self.rest();
        &rest[..rest.bytes().take_while(|byte| is_word(*byte)).count()]
    }

    /// Consumes a keyword, in any case (RFC 7644 §3.4.2.2: operators "are case insensitive"), and
    /// spaces before it. A longer word does not match: `order` is not `or`.
    fn take_word(&mut self, keyword: &str) -> bool {
        let before = self.at;
        self.skip_spaces();
        let found =
            self.rest_bytes().split_at_checked(keyword.len()).is_some_and(|(word, after)| {
                word.eq_ignore_ascii_case(keyword.as_bytes())
                    && !after.first().is_some_and(|byte| is_word(*byte))
            });
        self.at = if found { self.at + keyword.len() } else { before };
        found
    }

    fn or(&mut self) -> Result<Expression, ScimError> {
        let first = self.term()?;
        self.or_after(first)
    }

    /// Parses the rest of an `or` after its first term. `and` has the higher precedence.
    fn or_after(&mut self, first: Expression) -> Result<Expression, ScimError> {
        let first = self.and_after(first)?;
        let part = |parser: &mut Self| {
            let next = parser.term()?;
            parser.and_after(next)
        };
        self.joined(first, "or", part, Expression::Or)
    }

    /// Parses the rest of an `and` after its first term.
    fn and_after(&mut self, first: Expression) -> Result<Expression, ScimError> {
        self.joined(first, "and", Self::term, Expression::And)
    }

    /// Parses further parts separated by the keyword. Returns `first` if there are none.
    fn joined(
        &mut self,
        first: Expression,
        keyword: &str,
        part: impl Fn(&mut Self) -> Result<Expression, ScimError>,
        whole: impl FnOnce(Vec<Expression>) -> Expression,
    ) -> Result<Expression, ScimError> {
        if !self.take_joint(keyword)? {
            return Ok(first);
        }
        let mut parts = vec![first, part(self)?];
        while self.take_joint(keyword)? {
            parts.push(part(self)?);
        }
        Ok(whole(parts))
    }

    /// Consumes `and` or `or`. A space, or a closing parenthesis or bracket, must precede it.
    fn take_joint(&mut self, keyword: &str) -> Result<bool, ScimError> {
        if self.at == self.text.len() {
            return Ok(false);
        }
        let before = self.text.as_bytes().get(self.at.wrapping_sub(1));
        let set_off = matches!(before, Some(b')' | b']')) || self.peek().is_none_or(is_space);
        if !self.take_word(keyword) {
            return Ok(false);
        }
        if set_off {
            Ok(true)
        } else {
            Err(self.error_at(self.at - keyword.len(), "expected a space"))
        }
    }

    fn term(&mut self) -> Result<Expression, ScimError> {
        self.skip_spaces();
        if self.take(b'(') {
            return self.grouped();
        }
        let before = self.at;
        if self.take_word("not") {
            // RFC 7644 errata 7319: the grammar has `not(`, the RFC's own example `not (`. Both are
            // accepted.
            if self.take(b'(') {
                return Ok(Expression::Not(Box::new(self.grouped()?)));
            }
            return Err(self.error("expected `(` after `not`"));
        }
        self.at = before;
        self.attribute_expression()
    }

    fn grouped(&mut self) -> Result<Expression, ScimError> {
        let inner = self.deeper(Self::or)?;
        if self.take(b')') { Ok(inner) } else { Err(self.error("expected `)`")) }
    }

    fn deeper(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<Expression, ScimError>,
    ) -> Result<Expression, ScimError> {
        if self.depth == DEPTH {
            return Err(self.error(&format!("the filter is nested deeper than {DEPTH} levels")));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    fn attribute_expression(&mut self) -> Result<Expression, ScimError> {
        let name = self.name()?;
        if self.peek() == Some(b'[') {
            return self.element(name);
        }
        self.comparison(name)
    }

    /// Parses `pr`, or an operator and a value.
    fn comparison(&mut self, name: Name) -> Result<Expression, ScimError> {
        self.skip_spaces();
        let word = self.word();
        if word.eq_ignore_ascii_case("pr") {
            self.at += word.len();
            return Ok(Expression::Present(name));
        }
        let Some((_, operator)) =
            OPERATORS.iter().find(|(keyword, _)| keyword.eq_ignore_ascii_case(word))
        else {
            return Err(
                self.error("expected one of the operators eq, ne, co, sw, ew, gt, ge, lt, le, pr")
            );
        };
        self.at += word.len();
        if !self.peek().is_none_or(is_space) {
            return Err(self.error("expected a space"));
        }
        self.skip_spaces();
        Ok(Expression::Compare(name, *operator, self.literal()?))
    }

    /// Parses `emails[type eq "work"]`. NB: `emails[type eq "work"].value eq "x"` is not in the
    /// grammar, but Entra sends it. It can only mean that one element matches both.
    fn element(&mut self, name: Name) -> Result<Expression, ScimError> {
        if self.in_brackets {
            return Err(self.error("brackets cannot be nested"));
        }
        self.at += 1;
        self.in_brackets = true;
        let inner = self.deeper(Self::or)?;
        self.in_brackets = false;
        if !self.take(b']') {
            return Err(self.error("expected `]`"));
        }
        if self.peek() != Some(b'.') {
            return Ok(Expression::Element(name, Box::new(inner)));
        }
        self.at += 1;
        let sub = self.name()?;
        let also = self.comparison(sub)?;
        Ok(Expression::Element(name, Box::new(Expression::And(vec![inner, also]))))
    }

    /// Parses an attribute path. NB: the grammar of filters has no `$`, but that of attribute names
    /// (RFC 7643 §2.1) has, so `members.$ref` is a valid attribute.
    fn name(&mut self) -> Result<Name, ScimError> {
        self.skip_spaces();
        let start = self.at;
        let text = self.word();
        let begins = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '$')
        };
        let well_formed = || {
            let plain = text.rsplit_once(':').map_or(text, |(_, name)| name);
            match plain.split_once('.') {
                None => begins(plain),
                Some((attribute, sub)) => begins(attribute) && begins(sub) && !sub.contains('.'),
            }
        };
        // Most names have one part and need no further check.
        let parted = text.bytes().any(|byte| matches!(byte, b':' | b'.'));
        if text.is_empty() {
            return Err(self.error("expected an attribute name"));
        }
        if !begins(text) || parted && !well_formed() {
            return Err(self.error("this is not an attribute name"));
        }
        self.at += text.len();
        Ok(Name { text: text.to_owned(), at: self.place(start) })
    }

    fn literal(&mut self) -> Result<Literal, ScimError> {
        let start = self.at;
        if self.peek() == Some(b'"') {
            let end = end_of_string(self.rest())
                .ok_or_else(|| self.error("this string has no closing quote"))?;
            let quoted = &self.rest()[..end];
            // No early exit, so that the loop vectorises.
            let special =
                quoted.bytes().fold(false, |any, byte| any | matches!(byte, b'\\' | ..b' '));
            let text = if special {
                serde_json::from_str(quoted)
            } else {
                Ok(quoted[1..end - 1].to_owned())
            };
            let text = text.map_err(|_| {
                self.error("this string is not valid JSON (a backslash starts an escape such as \\\" or \\u00e9)")
            })?;
            self.at += end;
            return Ok(Literal::Text(text));
        }
        let rest = self.rest();
        let end = rest.find([' ', ')', ']', '\t', '\r', '\n']).unwrap_or(rest.len());
        let word = &rest[..end];
        self.at += end;
        match word {
            "" => Err(self.error_at(
                start,
                "expected a value: a string in double quotes, a number, true, false or null",
            )),
            // NB: the grammar has these in lower case only; Python and .NET write `True`.
            word if word.eq_ignore_ascii_case("true") => Ok(Literal::Boolean(true)),
            word if word.eq_ignore_ascii_case("false") => Ok(Literal::Boolean(false)),
            word if word.eq_ignore_ascii_case("null") => Ok(Literal::Null),
            _ => {
                match serde_json::from_str(word) {
                    Ok(number) => Ok(Literal::Number(number)),
                    Err(_) => Err(self
                        .error_at(start, "this is not a value; strings must be in double quotes")),
                }
            }
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'$' | b'.' | b':')
}

/// The length in bytes of the JSON string at the start of `text`, including the quotes.
fn end_of_string(text: &str) -> Option<usize> {
    let mut from = 1;
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', text.as_bytes().get(from..)?)?;
        if text.as_bytes()[at] == b'"' {
            return Some(at + 1);
        }
        // A character after a backslash does not end the string.
        from = at + 2;
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word =
            OPERATORS.iter().find(|(_, operator)| operator == self).map_or("", |(word, _)| word);
        f.write_str(word)
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Text(text) => write!(f, "{}", serde_json::Value::from(text.as_str())),
        }
    }
}

/// Prints the name in lower case, so that equal names print the same.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text.to_ascii_lowercase())
    }
}

/// Prints a filter so that it parses to the same expression. Equal expressions print the same.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn joined(f: &mut fmt::Formatter<'_>, parts: &[Expression], joint: &str) -> fmt::Result {
            for (place, part) in parts.iter().enumerate() {
                if place > 0 {
                    write!(f, " {joint} ")?;
                }
                match part {
                    Expression::Or(_) | Expression::And(_) => write!(f, "({part})")?,
                    _ => write!(f, "{part}")?,
                }
            }
            Ok(())
        }
        match self {
            Self::Or(parts) => joined(f, parts, "or"),
            Self::And(parts) => joined(f, parts, "and"),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Present(name) => write!(f, "{name} pr"),
            Self::Compare(name, operator, literal) => write!(f, "{name} {operator} {literal}"),
            Self::Element(name, inner) => write!(f, "{name}[{inner}]"),
        }
    }
}

#[cfg(test)]
mod tests;
