//! Evaluates filters.

use std::cmp::Ordering;

use super::bind::{Filter, Test, Values};
use super::parse::Operator;
use crate::directory::text::comparable;
use crate::scim::attribute::Content;
use crate::scim::value::Value;
use crate::scim::view::Resource;

impl Filter {
    /// Whether the resource matches the filter.
    #[must_use]
    pub fn matches(&self, resource: Resource<'_>) -> bool {
        self.holds(resource, 0)
    }

    /// `element` is the index of the current element within brackets; 0 elsewhere.
    fn holds(&self, resource: Resource<'_>, element: usize) -> bool {
        match self {
            Self::Or(parts) => parts.iter().any(|part| part.holds(resource, element)),
            Self::And(parts) => parts.iter().all(|part| part.holds(resource, element)),
            Self::Not(inner) => !inner.holds(resource, element),
            Self::Test(values, test) => test.holds_for(values, resource, element),
            Self::Element(count, inner) => {
                (0..count.count_in(resource)).any(|element| inner.holds(resource, element))
            }
        }
    }
}

impl Test {
    /// A test of several values matches if any of them matches. `ne` matches if none is equal, so
    /// it is always the opposite of `eq`, also for an unassigned attribute.
    fn holds_for(&self, values: &Values, resource: Resource<'_>, element: usize) -> bool {
        values.any(resource, element, |value| self.fulfilled_by(value)) != self.is_ne()
    }

    fn is_ne(&self) -> bool {
        match self {
            Self::Present | Self::Contains { .. } => false,
            Self::Text { operator, .. }
            | Self::Boolean { operator, .. }
            | Self::Number { operator, .. }
            | Self::Time { operator, .. } => *operator == Operator::Ne,
        }
    }

    /// Tests one value. `ne` is evaluated as `eq` here; the caller negates the result.
    fn fulfilled_by(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (_, Value::Absent) => false,
            // RFC 7644 §3.4.2.2, pr: "has a non-empty or non-null value".
            (Self::Present, Value::Text(text)) => !text.is_empty(),
            (Self::Present, _) => true,
            (Self::Contains { text, case_exact }, Value::Text(value)) => {
                text.find(comparable(value, *case_exact).as_bytes()).is_some()
            }
            (Self::Text { operator, text, case_exact }, Value::Text(value)) => {
                let value = comparable(value, *case_exact);
                match operator {
                    Operator::Sw => value.starts_with(text.as_str()),
                    Operator::Ew => value.ends_with(text.as_str()),
                    ordering => ordered(*ordering, Some(value.as_ref().cmp(text))),
                }
            }
            (Self::Boolean { value: wanted, .. }, Value::Boolean(value)) => value == wanted,
            #[expect(
                clippy::cast_precision_loss,
                reason = "limits and ids of reasons are far below 2^53"
            )]
            (Self::Number { operator, value: wanted }, Value::Integer(value)) => {
                ordered(*operator, (*value as f64).partial_cmp(wanted))
            }
            (Self::Time { operator, value: wanted }, Value::Time(value)) => {
                ordered(*operator, Some(value.cmp(wanted)))
            }
            _ => false,
        }
    }
}

fn ordered(operator: Operator, ordering: Option<Ordering>) -> bool {
    match operator {
        Operator::Eq | Operator::Ne => ordering == Some(Ordering::Equal),
        Operator::Gt => ordering == Some(Ordering::Greater),
        Operator::Ge => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
        Operator::Lt => ordering == Some(Ordering::Less),
        Operator::Le => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
        Operator::Co | Operator::Sw | Operator::Ew => false,
    }
}

impl Values {
    fn any(
        &self,
        resource: Resource<'_>,
        element: usize,
        test: impl Fn(&Value<'_>) -> bool,
    ) -> bool {
        match self {
            Self::One(getter) => test(&getter.get(resource, 0)),
            Self::OfElement(getter) => test(&getter.get(resource, element)),
            Self::Many(count, getter) => {
                (0..count.count_in(resource)).any(|at| test(&getter.get(resource, at)))
            }
            // Only `pr` is evaluated on these, so the value does not matter.
            Self::Elements(count) => count.count_in(resource) > 0 && test(&Value::Boolean(true)),
            Self::Parts(parts) => parts.iter().any(|part| match part.content {
                Content::One(getter) => test(&getter.get(resource, 0)),
                _ => false,
            }),
        }
    }
}
