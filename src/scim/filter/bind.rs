//! Binds an [`Expression`] to a resource type, which gives a [`Filter`]: resolves the names and
//! checks the types of the values.

use memchr::memmem;
use time::OffsetDateTime;

use super::parse::{Expression, Literal, Name, Operator};
use crate::directory::text;
use crate::moments::{self, DateTime};
use crate::scim::attribute::{Attribute, Content, Count, Getter, Kind};
use crate::scim::error::ScimError;
use crate::scim::path::{self, AttributeName, Path};
use crate::scim::schema::ResourceType;
use crate::scim::value::Value;

/// A filter that is bound to the attributes of a resource type.
#[derive(Clone, Debug)]
pub enum Filter {
    /// At least one part matches.
    Or(Vec<Self>),
    /// All parts match.
    And(Vec<Self>),
    /// The inner filter does not match.
    Not(Box<Self>),
    /// The values match the test.
    Test(Values, Test),
    /// At least one element of a multi-valued attribute matches the inner filter, whose tests apply
    /// to its sub-attributes.
    Element(Count, Box<Self>),
}

/// The source of the values to test.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// A single value.
    One(Getter),
    /// Several values.
    Many(Count, Getter),
    /// A value of the current element (within brackets).
    OfElement(Getter),
    /// A complex attribute. It is present if any of its sub-attributes is.
    Parts(&'static [Attribute]),
    /// A multi-valued complex attribute. It is present if it has an element.
    Elements(Count),
}

/// The test of a value.
#[derive(Clone, Debug)]
pub enum Test {
    /// `pr`: there is a value.
    Present,
    /// `co`: a value contains a string. Strings are normalised before they are compared.
    Contains {
        /// The prepared search for the normalised string.
        text: Box<memmem::Finder<'static>>,
        /// Whether case is significant.
        case_exact: bool,
    },
    /// A comparison with a string. Strings are normalised before they are compared.
    Text {
        /// The operator.
        operator: Operator,
        /// The value from the filter.
        text: String,
        /// Whether case is significant.
        case_exact: bool,
    },
    /// A comparison with a boolean.
    Boolean {
        /// The operator: `eq` or `ne`.
        operator: Operator,
        /// The value from the filter.
        value: bool,
    },
    /// A comparison with a number.
    Number {
        /// The operator.
        operator: Operator,
        /// The value from the filter.
        value: f64,
    },
    /// A comparison with a point in time.
    Time {
        /// The operator.
        operator: Operator,
        /// The value from the filter.
        value: OffsetDateTime,
    },
}

impl Filter {
    /// Binds an expression to one of the resource types that the query searches.
    ///
    /// RFC 7644 §3.4.2.1, on queries over several types: resources of a type that does not have an
    /// attribute are treated as having no value for it.
    ///
    /// # Errors
    /// [`ScimError::InvalidFilter`] for an attribute that none of the types has, a value of the
    /// wrong type, or an operator that the attribute's type does not support.
    pub fn bind(
        expression: &Expression,
        resource_type: &'static ResourceType,
        types: &[&'static ResourceType],
    ) -> Result<Self, ScimError> {
        Binder { resource_type, types, element: None }.bind(expression)
    }

    /// A filter that matches nothing.
    const fn never() -> Self {
        Self::Or(Vec::new())
    }
}

struct Binder<'t> {
    resource_type: &'static ResourceType,
    /// All resource types that the query searches.
    types: &'t [&'static ResourceType],
    /// Within brackets: the multi-valued attribute whose elements are tested.
    element: Option<&'static Attribute>,
}

/// The attribute of a comparison, and the source of its values.
struct Target {
    attribute: &'static Attribute,
    values: Values,
}

impl Binder<'_> {
    fn bind(&self, expression: &Expression) -> Result<Filter, ScimError> {
        let each = |parts: &[Expression]| {
            parts.iter().map(|part| self.bind(part)).collect::<Result<Vec<_>, _>>()
        };
        match expression {
            Expression::Or(parts) => Ok(Filter::Or(each(parts)?)),
            Expression::And(parts) => Ok(Filter::And(each(parts)?)),
            Expression::Not(inner) => Ok(Filter::Not(Box::new(self.bind(inner)?))),
            Expression::Present(name) => Ok(self
                .target(name)?
                .map_or_else(Filter::never, |target| Filter::Test(target.values, Test::Present))),
            Expression::Compare(name, operator, literal) => match self.target(name)? {
                Some(target) => compare(name, &target, *operator, literal),
                // The attribute has no value: it equals only null, and differs from everything
                // else.
                None if (*operator == Operator::Ne) != (*literal == Literal::Null) => {
                    Ok(Filter::And(Vec::new()))
                }
                None => Ok(Filter::never()),
            },
            Expression::Element(name, inner) => self.bind_element(name, inner),
        }
    }

    fn bind_element(&self, name: &Name, inner: &Expression) -> Result<Filter, ScimError> {
        let Some(path) = self.path(name)? else { return Ok(Filter::never()) };
        let (attribute, sub) = path.resolve(self.resource_type);
        match (attribute.content, sub) {
            // Also `schemas[value eq "…"]`: a simple multi-valued attribute has one implicit
            // sub-attribute, `value`.
            (Content::ComplexMany(count, _) | Content::Many(count, _), None) => {
                let within = Binder { element: Some(attribute), ..*self };
                Ok(Filter::Element(count, Box::new(within.bind(inner)?)))
            }
            _ => Err(at(
                name,
                format!("`{}` is not multi-valued, so it cannot be followed by `[…]`", name.text),
            )),
        }
    }

    /// Returns `None` if only another of the types has the attribute.
    fn path(&self, name: &Name) -> Result<Option<Path>, ScimError> {
        match path::find(self.resource_type, &name.text) {
            Some(AttributeName::Attribute(path)) => Ok(Some(path)),
            Some(AttributeName::Section(_)) => {
                Err(at(name, "this is the name of a schema; name one of its attributes".to_owned()))
            }
            None if self.types.iter().any(|kind| path::find(kind, &name.text).is_some()) => {
                Ok(None)
            }
            None => {
                let types: Vec<&str> = self.types.iter().map(|kind| kind.name).collect();
                Err(at(name, format!("a {} has no attribute `{}`", types.join(" or "), name.text)))
            }
        }
    }

    /// Returns `None` if only another of the types has the attribute.
    fn target(&self, name: &Name) -> Result<Option<Target>, ScimError> {
        if let Some(element) = self.element {
            return target_in(element, name).map(Some);
        }
        let Some(path) = self.path(name)? else { return Ok(None) };
        let (attribute, sub) = path.resolve(self.resource_type);
        let target = |attribute, values| Ok(Some(Target { attribute, values }));
        match (attribute.content, sub) {
            (Content::One(getter), _) => target(attribute, Values::One(getter)),
            (Content::Many(count, getter), _) => target(attribute, Values::Many(count, getter)),
            (Content::Complex(parts), None) => target(attribute, Values::Parts(parts)),
            (Content::ComplexMany(count, _), None) => target(attribute, Values::Elements(count)),
            (Content::Complex(_), Some(sub)) => target(sub, Values::One(getter_of(sub))),
            (Content::ComplexMany(count, _), Some(sub)) => {
                target(sub, Values::Many(count, getter_of(sub)))
            }
        }
    }
}

fn target_in(element: &'static Attribute, name: &Name) -> Result<Target, ScimError> {
    if let Content::Many(_, getter) = element.content
        && name.text.eq_ignore_ascii_case("value")
    {
        return Ok(Target { attribute: element, values: Values::OfElement(getter) });
    }
    let sub = path::position(element.sub_attributes(), &name.text)
        .map(|place| &element.sub_attributes()[place]);
    let sub = sub.ok_or_else(|| {
        at(name, format!("`{}` has no sub-attribute `{}`", element.name, name.text))
    })?;
    Ok(Target { attribute: sub, values: Values::OfElement(getter_of(sub)) })
}

/// The getter of a sub-attribute. Sub-attributes are simple: RFC 7643 §2.3.8 does not allow complex
/// attributes within complex ones.
fn getter_of(sub: &Attribute) -> Getter {
    match sub.content {
        Content::One(getter) | Content::Many(_, getter) => getter,
        Content::Complex(_) | Content::ComplexMany(..) => Getter::Any(|_, _| Value::Absent),
    }
}

fn compare(
    name: &Name,
    target: &Target,
    operator: Operator,
    literal: &Literal,
) -> Result<Filter, ScimError> {
    // RFC 7643 §2.5: null and unassigned are the same state.
    if *literal == Literal::Null {
        let present = Filter::Test(target.values, Test::Present);
        return match operator {
            Operator::Eq => Ok(Filter::Not(Box::new(present))),
            Operator::Ne => Ok(present),
            _ => Err(at(name, format!("null supports eq and ne, not {operator}"))),
        };
    }
    let (attribute, values) = comparable(name, target)?;
    Ok(Filter::Test(values, test(name, attribute, operator, literal)?))
}

/// The attribute to compare: the named one, or the `value` of a multi-valued complex one.
fn comparable(name: &Name, target: &Target) -> Result<(&'static Attribute, Values), ScimError> {
    match target.values {
        // RFC 7644 §3.4.2.2, in an example: `emails co "example.com"` compares the values of
        // emails.
        Values::Elements(count) => {
            let subs = target.attribute.sub_attributes();
            match path::position(subs, "value") {
                Some(place) => Ok((&subs[place], Values::Many(count, getter_of(&subs[place])))),
                None => Err(at(name, format!("name a sub-attribute of `{}`", name.text))),
            }
        }
        // RFC 7644 §3.4.2.2: "a fully qualified sub-attribute MUST be specified" for a complex
        // attribute.
        Values::Parts(parts) => {
            let subs = parts
                .iter()
                .map(|part| format!("{}.{}", target.attribute.name, part.name))
                .collect::<Vec<_>>();
            Err(at(
                name,
                format!("`{}` is complex; name a sub-attribute: {}", name.text, subs.join(", ")),
            ))
        }
        values => Ok((target.attribute, values)),
    }
}

fn test(
    name: &Name,
    attribute: &'static Attribute,
    operator: Operator,
    literal: &Literal,
) -> Result<Test, ScimError> {
    use Operator::{Co, Eq, Ge, Gt, Le, Lt, Ne};
    let wrong = |what: &str| Err(at(name, format!("`{}` {what}", name.text)));
    match (attribute.kind, literal) {
        (Kind::String | Kind::Reference, Literal::Text(text)) => {
            let case_exact = attribute.case_exact;
            let text = text::comparable(text, case_exact).into_owned();
            Ok(match operator {
                Co => Test::Contains {
                    text: Box::new(memmem::Finder::new(&text).into_owned()),
                    case_exact,
                },
                _ => Test::Text { operator, text, case_exact },
            })
        }
        (Kind::String | Kind::Reference, _) => {
            wrong("is a string: write the value in double quotes")
        }
        // RFC 7644 §3.4.2.2: for booleans, ordering "SHALL cause a failed response (HTTP status
        // code 400)".
        (Kind::Boolean, Literal::Boolean(value)) if matches!(operator, Eq | Ne) => {
            Ok(Test::Boolean { operator, value: *value })
        }
        (Kind::Boolean, Literal::Boolean(_)) => {
            wrong("is a boolean, which supports only eq and ne")
        }
        (Kind::Boolean, _) => wrong("is a boolean: write true or false, without quotes"),
        (Kind::Integer, Literal::Number(value))
            if matches!(operator, Eq | Ne | Gt | Ge | Lt | Le) =>
        {
            Ok(Test::Number { operator, value: value.as_f64().unwrap_or(f64::NAN) })
        }
        (Kind::Integer, _) => {
            wrong("is a number, which supports eq, ne, gt, ge, lt and le with a number")
        }
        (Kind::DateTime, Literal::Text(text)) => time_test(operator, text).or_else(wrong),
        (Kind::DateTime, _) => {
            wrong("is a dateTime: write it in double quotes, as \"2026-03-01T12:00:00Z\"")
        }
        (Kind::Complex, _) => wrong("is complex; name a sub-attribute"),
    }
}

/// The test of a dateTime.
///
/// # Errors
/// What is wrong with the operator or the value, to follow the name of the attribute.
fn time_test(operator: Operator, text: &str) -> Result<Test, &'static str> {
    use Operator::{Co, Ew, Ge, Gt, Le, Lt, Sw};
    if matches!(operator, Co | Sw | Ew) {
        return Err("is a dateTime, which supports eq, ne, gt, ge, lt and le");
    }
    match moments::parse(text) {
        Some(DateTime::Moment(value)) => Ok(Test::Time { operator, value }),
        // NB: RFC 7643 §2.3.5 requires a time of day. A date alone is accepted for ordering, so
        // that nothing of that day is missed: `gt`, `ge` and `le` include the whole day, `lt` ends
        // before it. It is refused for equality, which could mean the whole day or its first
        // moment.
        Some(day) => match operator {
            Gt | Ge => Ok(Test::Time { operator: Ge, value: day.start() }),
            Lt => Ok(Test::Time { operator, value: day.start() }),
            Le => Ok(Test::Time { operator, value: day.end() }),
            _ => Err(
                "is a dateTime, and a date without a time supports only gt, ge, lt and le; for eq \
                 and ne write the time, as in \"2026-03-01T12:00:00Z\"",
            ),
        },
        None => Err("is a dateTime: write it as \"2026-03-01T12:00:00Z\""),
    }
}

fn at(name: &Name, why: String) -> ScimError {
    ScimError::InvalidFilter { at: Some(name.at), why }
}
