//! From [`Expression`] to [`Filter`]: names found in the table of a type, values checked against types.

use memchr::memmem;
use time::OffsetDateTime;

use super::parse::{Expression, Literal, Name, Operator};
use crate::date_time::{self, DateTime};
use crate::directory::text;
use crate::scim::ScimError;
use crate::scim::path::{self, Named, Path};
use crate::scim::schema::{Attribute, Content, Count, Getter, Kind, ResourceType};

/// A filter that knows the attributes it is about.
#[derive(Clone, Debug)]
pub enum Filter {
    /// Any of them.
    Or(Vec<Self>),
    /// All of them.
    And(Vec<Self>),
    /// Not this.
    Not(Box<Self>),
    /// The values fulfil the test.
    Test(Values, Test),
    /// One element of a multi-valued attribute fulfils the filter within, whose tests are about its
    /// sub-attributes.
    Element(Count, Box<Self>),
}

/// Where the values are.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// One.
    One(Getter),
    /// Several.
    Many(Count, Getter),
    /// Of the element that is being looked at.
    OfElement(Getter),
    /// A complex attribute: there if any of its parts is.
    Parts(&'static [Attribute]),
    /// A multi-valued complex attribute: there if it has an element.
    Elements(Count),
}

/// What values are tested for.
#[derive(Clone, Debug)]
pub enum Test {
    /// There is one.
    Present,
    /// One contains a text, as texts are compared.
    Contains {
        /// The text, made ready to be looked for.
        text: Box<memmem::Finder<'static>>,
        /// Whether case matters.
        case_exact: bool,
    },
    /// One compares so with a text, as texts are compared.
    Text {
        /// How.
        operator: Operator,
        /// With what.
        text: String,
        /// Whether case matters.
        case_exact: bool,
    },
    /// One is, or none is, this boolean.
    Boolean {
        /// `eq` or `ne`.
        operator: Operator,
        /// With what.
        value: bool,
    },
    /// One compares so with a number.
    Number {
        /// How.
        operator: Operator,
        /// With what.
        value: f64,
    },
    /// One compares so with a moment.
    Time {
        /// How.
        operator: Operator,
        /// With what.
        value: OffsetDateTime,
    },
}

impl Filter {
    /// Binds an expression to one of the types of resources that a question is about.
    ///
    /// RFC 7644 §3.4.2.1, of questions about several types: an attribute that a type does not have is, for
    /// resources of that type, without a value.
    ///
    /// # Errors
    /// [`ScimError::InvalidFilter`] for an attribute that none of the types has, a value of the wrong
    /// type, or an operator that the attribute's type does not take.
    pub fn bind(
        expression: &Expression,
        resource_type: &'static ResourceType,
        types: &[&'static ResourceType],
    ) -> Result<Self, ScimError> {
        Binder { resource_type, types, element: None }.bind(expression)
    }

    /// Fulfilled by nothing.
    const fn never() -> Self {
        Self::Or(Vec::new())
    }
}

struct Binder<'t> {
    resource_type: &'static ResourceType,
    /// All types that the question is about.
    types: &'t [&'static ResourceType],
    /// Within brackets: the attribute whose elements are looked at.
    element: Option<&'static Attribute>,
}

/// An attribute that a test is about.
struct Target {
    attribute: &'static Attribute,
    values: Values,
}

impl Binder<'_> {
    fn bind(&self, expression: &Expression) -> Result<Filter, ScimError> {
        let each = |parts: &[Expression]| parts.iter().map(|part| self.bind(part)).collect::<Result<Vec<_>, _>>();
        match expression {
            Expression::Or(parts) => Ok(Filter::Or(each(parts)?)),
            Expression::And(parts) => Ok(Filter::And(each(parts)?)),
            Expression::Not(inner) => Ok(Filter::Not(Box::new(self.bind(inner)?))),
            Expression::Present(name) => {
                Ok(self.target(name)?.map_or_else(Filter::never, |target| Filter::Test(target.values, Test::Present)))
            }
            Expression::Compare(name, operator, literal) => match self.target(name)? {
                Some(target) => compare(name, &target, *operator, literal),
                // Without a value: equal to null alone, and different from everything else.
                None if (*operator == Operator::Ne) != (*literal == Literal::Null) => Ok(Filter::And(Vec::new())),
                None => Ok(Filter::never()),
            },
            Expression::Element(name, inner) => self.bind_element(name, inner),
        }
    }

    fn bind_element(&self, name: &Name, inner: &Expression) -> Result<Filter, ScimError> {
        let Some(path) = self.path(name)? else { return Ok(Filter::never()) };
        let (attribute, sub) = path.resolve(self.resource_type);
        match (attribute.content, sub) {
            // `schemas[value eq "…"]` too: the one sub-attribute of a simple value is the value itself.
            (Content::ComplexMany(count, _) | Content::Many(count, _), None) => {
                let within = Binder { element: Some(attribute), ..*self };
                Ok(Filter::Element(count, Box::new(within.bind(inner)?)))
            }
            _ => Err(at(name, format!("`{}` has no elements, so no `[…]` can follow it", name.text))),
        }
    }

    /// None where only another of the types has it.
    fn path(&self, name: &Name) -> Result<Option<Path>, ScimError> {
        match path::find(self.resource_type, &name.text) {
            Some(Named::Attribute(path)) => Ok(Some(path)),
            Some(Named::Section(_)) => Err(at(name, "this is the name of a schema, not of an attribute".to_owned())),
            None if self.types.iter().any(|kind| path::find(kind, &name.text).is_some()) => Ok(None),
            None => {
                let types: Vec<&str> = self.types.iter().map(|kind| kind.name).collect();
                Err(at(name, format!("a {} has no attribute `{}`", types.join(" or "), name.text)))
            }
        }
    }

    /// None where only another of the types has it.
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
            (Content::ComplexMany(count, _), Some(sub)) => target(sub, Values::Many(count, getter_of(sub))),
        }
    }
}

fn target_in(element: &'static Attribute, name: &Name) -> Result<Target, ScimError> {
    if let Content::Many(_, getter) = element.content
        && name.text.eq_ignore_ascii_case("value")
    {
        return Ok(Target { attribute: element, values: Values::OfElement(getter) });
    }
    let sub = path::position(element.sub_attributes(), &name.text).map(|place| &element.sub_attributes()[place]);
    let sub = sub.ok_or_else(|| at(name, format!("`{}` has no sub-attribute `{}`", element.name, name.text)))?;
    Ok(Target { attribute: sub, values: Values::OfElement(getter_of(sub)) })
}

/// Sub-attributes are simple: RFC 7643 §2.3.8 allows no complex ones within complex ones.
fn getter_of(sub: &Attribute) -> Getter {
    match sub.content {
        Content::One(getter) | Content::Many(_, getter) => getter,
        Content::Complex(_) | Content::ComplexMany(..) => Getter::Any(|_, _| crate::scim::Value::Absent),
    }
}

fn compare(name: &Name, target: &Target, operator: Operator, literal: &Literal) -> Result<Filter, ScimError> {
    // RFC 7643 §2.5: null and unassigned are one state.
    if *literal == Literal::Null {
        let present = Filter::Test(target.values, Test::Present);
        return match operator {
            Operator::Eq => Ok(Filter::Not(Box::new(present))),
            Operator::Ne => Ok(present),
            _ => Err(at(name, format!("null can be compared with eq and ne, not with {operator}"))),
        };
    }
    let (attribute, values) = comparable(name, target)?;
    Ok(Filter::Test(values, test(name, attribute, operator, literal)?))
}

/// What a comparison is about: the attribute, or the `value` of a multi-valued complex one.
fn comparable(name: &Name, target: &Target) -> Result<(&'static Attribute, Values), ScimError> {
    match target.values {
        // RFC 7644 §3.4.2.2 by example: `emails co "example.com"` is about the values of emails.
        Values::Elements(count) => {
            let subs = target.attribute.sub_attributes();
            match path::position(subs, "value") {
                Some(place) => Ok((&subs[place], Values::Many(count, getter_of(&subs[place])))),
                None => Err(at(name, format!("name a sub-attribute of `{}`", name.text))),
            }
        }
        // RFC 7644 §3.4.2.2: "a fully qualified sub-attribute MUST be specified" of a complex attribute.
        Values::Parts(parts) => {
            let subs = parts.iter().map(|part| format!("{}.{}", target.attribute.name, part.name)).collect::<Vec<_>>();
            Err(at(name, format!("`{}` has parts; name one of them: {}", name.text, subs.join(", "))))
        }
        values => Ok((target.attribute, values)),
    }
}

fn test(name: &Name, attribute: &'static Attribute, operator: Operator, literal: &Literal) -> Result<Test, ScimError> {
    use Operator::{Co, Eq, Ew, Ge, Gt, Le, Lt, Ne, Sw};
    let wrong = |what: &str| Err(at(name, format!("`{}` {what}", name.text)));
    match (attribute.kind, literal) {
        (Kind::String | Kind::Reference, Literal::Text(text)) => {
            let case_exact = attribute.case_exact;
            let text = text::comparable(text, case_exact).into_owned();
            Ok(match operator {
                Co => Test::Contains { text: Box::new(memmem::Finder::new(&text).into_owned()), case_exact },
                _ => Test::Text { operator, text, case_exact },
            })
        }
        (Kind::String | Kind::Reference, _) => wrong("is a text: write the value in double quotes"),
        // RFC 7644 §3.4.2.2: of booleans, ordering "SHALL cause a failed response (HTTP status code 400)".
        (Kind::Boolean, Literal::Boolean(value)) if matches!(operator, Eq | Ne) => {
            Ok(Test::Boolean { operator, value: *value })
        }
        (Kind::Boolean, Literal::Boolean(_)) => wrong("is a boolean, which can be compared with eq and ne alone"),
        (Kind::Boolean, _) => wrong("is a boolean: write true or false, without quotes"),
        (Kind::Integer, Literal::Number(value)) if matches!(operator, Eq | Ne | Gt | Ge | Lt | Le) => {
            Ok(Test::Number { operator, value: value.as_f64().unwrap_or(f64::NAN) })
        }
        (Kind::Integer, _) => wrong("is a number, which can be compared with numbers by eq, ne, gt, ge, lt and le"),
        (Kind::DateTime, Literal::Text(_)) if matches!(operator, Co | Sw | Ew) => {
            wrong("is a dateTime, which can be compared with eq, ne, gt, ge, lt and le")
        }
        (Kind::DateTime, Literal::Text(text)) => match date_time::parse(text) {
            Some(DateTime::Moment(value)) => Ok(Test::Time { operator, value }),
            // NB: RFC 7643 §2.3.5 wants a time of day. A day alone is read so that nothing of that day is missed; equality
            // could mean the day or its first moment.
            Some(day) => match operator {
                Gt | Ge => Ok(Test::Time { operator: Ge, value: day.start() }),
                Lt => Ok(Test::Time { operator, value: day.start() }),
                Le => Ok(Test::Time { operator, value: day.end() }),
                _ => wrong(
                    "is a dateTime and this is a whole day, which can be compared with gt, ge, lt and le; for eq and ne write \
                     a moment such as \"2026-03-01T12:00:00Z\"",
                ),
            },
            None => wrong("is a dateTime: write it as \"2026-03-01T12:00:00Z\""),
        },
        (Kind::DateTime, _) => wrong("is a dateTime: write it in double quotes, as \"2026-03-01T12:00:00Z\""),
        (Kind::Complex, _) => wrong("has parts; name one of them"),
    }
}

fn at(name: &Name, why: String) -> ScimError {
    ScimError::InvalidFilter { at: Some(name.at), why }
}
