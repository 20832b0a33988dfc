//! A question and its answer: filter, page, project.

use super::filter::{Expression, Filter, Literal, Operator, parse};
use super::project::Projection;
use super::render;
use super::schema::{ResourceType, urn};
use super::value::Resource;
use super::{Picture, ScimError};
use crate::scim::schema;

/// What a client asks of a list, or of one resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    filter: Option<Expression>,
    start_index: usize,
    count: Option<usize>,
    attributes: Vec<String>,
    excluded_attributes: Vec<String>,
}

/// How large pages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRules {
    /// When the client does not say.
    pub default_count: usize,
    /// At the most; RFC 7644 §3.4.2.4 lets a service provider return fewer than asked for.
    pub max_count: usize,
}

/// An answer to a query for several resources (RFC 7644 §3.4.2, ListResponse).
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// The JSON.
    pub body: Vec<u8>,
    /// How many resources match, on all pages.
    pub total_results: usize,
    /// Which is the first on this page, counted from 1.
    pub start_index: usize,
    /// How many are on this page.
    pub items_per_page: usize,
}

impl Query {
    /// Reads a query from the decoded parameters of a URL. Unknown parameters are ignored; names are taken
    /// in any case, since some clients write `startindex`.
    ///
    /// # Errors
    /// [`ScimError::InvalidFilter`], or [`ScimError::InvalidValue`] for a number that is none and for
    /// `attributes` together with `excludedAttributes`.
    pub fn from_parameters<'p>(parameters: impl IntoIterator<Item = (&'p str, &'p str)>) -> Result<Self, ScimError> {
        let mut query = Self { start_index: 1, ..Self::default() };
        for (name, value) in parameters {
            match name.to_ascii_lowercase().as_str() {
                // NB: the grammar has no empty filter; clients send one when they mean none.
                "filter" => query.filter = if value.trim().is_empty() { None } else { Some(parse(value)?) },
                // RFC 7644 §3.4.2.4: "A value less than 1 SHALL be interpreted as 1."
                "startindex" => query.start_index = number(name, value)?.max(1),
                // RFC 7644 §3.4.2.4: "A negative value SHALL be interpreted as "0"."
                "count" => query.count = Some(number(name, value)?),
                "attributes" => query.attributes = names(value),
                "excludedattributes" => query.excluded_attributes = names(value),
                _ => {}
            }
        }
        // RFC 7644 §3.9: the two are "mutually exclusive".
        if !query.attributes.is_empty() && !query.excluded_attributes.is_empty() {
            return Err(ScimError::InvalidValue {
                why: "attributes and excludedAttributes cannot be used together".to_owned(),
            });
        }
        Ok(query)
    }

    /// Answers for all resources of a type.
    ///
    /// # Errors
    /// [`ScimError::InvalidFilter`] when the filter does not fit the type.
    pub fn list(
        &self,
        picture: &Picture,
        resource_type: &'static ResourceType,
        rules: PageRules,
    ) -> Result<Page, ScimError> {
        let filter = self.filter.as_ref().map(|filter| Filter::bind(filter, resource_type)).transpose()?;
        let matching = self.matching(picture, resource_type, filter.as_ref());
        let total_results = matching.len();
        let count = self.count.unwrap_or(rules.default_count).min(rules.max_count);
        let first = (self.start_index - 1).min(total_results);
        let shown = &matching[first..total_results.min(first.saturating_add(count))];
        let projection = self.projection(resource_type);
        let head = format!(
            r#"{{"schemas":["{}"],"totalResults":{total_results},"startIndex":{},"itemsPerPage":{},"Resources":["#,
            urn::LIST_RESPONSE,
            self.start_index,
            shown.len()
        );
        let mut body = head.into_bytes();
        for (place, resource) in shown.iter().enumerate() {
            if place > 0 {
                body.push(b',');
            }
            write(&mut body, *resource, &projection);
        }
        body.extend_from_slice(b"]}");
        Ok(Page { body, total_results, start_index: self.start_index, items_per_page: shown.len() })
    }

    /// Answers for one resource; a filter and paging mean nothing there and are ignored.
    #[must_use]
    pub fn one(&self, resource: Resource<'_>) -> Vec<u8> {
        let mut body = Vec::new();
        write(&mut body, resource, &self.projection(resource.resource_type()));
        body
    }

    /// The resources that match, in the one order that all pages share: by id.
    fn matching<'a>(
        &self,
        picture: &'a Picture,
        resource_type: &'static ResourceType,
        filter: Option<&Filter>,
    ) -> Vec<Resource<'a>> {
        let fulfils = |resource: &Resource<'a>| filter.is_none_or(|filter| filter.matches(*resource));
        if std::ptr::eq(resource_type, &raw const schema::GROUP) {
            return picture.groups().filter(fulfils).collect();
        }
        match self.user_name() {
            // The commonest question of all needs no search. The filter still has the last word.
            Some(user_name) => picture.users_named(user_name).filter(fulfils).collect(),
            None => picture.users().filter(fulfils).collect(),
        }
    }

    /// The name, where all that is asked is `userName eq "…"`.
    fn user_name(&self) -> Option<&str> {
        match self.filter.as_ref()? {
            Expression::Compare(name, Operator::Eq, Literal::Text(text))
                if name.text.eq_ignore_ascii_case("userName") =>
            {
                Some(text)
            }
            _ => None,
        }
    }

    fn projection(&self, resource_type: &'static ResourceType) -> Projection {
        if !self.attributes.is_empty() {
            Projection::only(resource_type, self.attributes.iter().map(String::as_str))
        } else if self.excluded_attributes.is_empty() {
            Projection::default_of(resource_type)
        } else {
            Projection::except(resource_type, self.excluded_attributes.iter().map(String::as_str))
        }
    }
}

fn write(body: &mut Vec<u8>, resource: Resource<'_>, projection: &Projection) {
    if projection.is_default() {
        body.extend_from_slice(&resource.ready().body);
    } else {
        render::resource(body, resource, projection);
    }
}

fn number(name: &str, value: &str) -> Result<usize, ScimError> {
    match value.trim().parse::<i64>() {
        Ok(number) => Ok(usize::try_from(number.max(0)).unwrap_or(usize::MAX)),
        Err(_) => Err(ScimError::InvalidValue { why: format!("{name} must be a whole number") }),
    }
}

fn names(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
