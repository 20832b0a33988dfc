//! Detects filters that look up a person by userName or e-mail address.

use super::parse::{Expression, Literal, Name, Operator};
use crate::scim::urn;

impl Expression {
    /// Whether the filter looks for a userName or an address: `userName eq "…"`,
    /// `emails[value eq "…"]` or an equivalent form, alone or as a part of a larger filter.
    #[must_use]
    pub fn looks_up_a_person(&self) -> bool {
        self.has_equality(false, &|name| {
            ["userName", "emails", "emails.value"].iter().any(|known| is_named(&name.text, known))
        })
    }

    /// Returns the name if the whole filter is `userName eq "…"`.
    #[must_use]
    pub fn user_name(&self) -> Option<&str> {
        match self {
            Self::Compare(name, Operator::Eq, Literal::Text(text))
                if is_named(&name.text, "userName") =>
            {
                Some(text)
            }
            _ => None,
        }
    }

    /// Whether the filter has an equality comparison of a string with an attribute that `is_it`
    /// accepts. `opposite` is true within an odd number of `not`s, where `ne` means equality.
    fn has_equality(&self, opposite: bool, is_it: &dyn Fn(&Name) -> bool) -> bool {
        let equal = if opposite { Operator::Ne } else { Operator::Eq };
        match self {
            Self::Or(parts) | Self::And(parts) => {
                parts.iter().any(|part| part.has_equality(opposite, is_it))
            }
            Self::Not(inner) => inner.has_equality(!opposite, is_it),
            Self::Present(_) => false,
            Self::Compare(name, operator, literal) => {
                *operator == equal && matches!(literal, Literal::Text(_)) && is_it(name)
            }
            Self::Element(name, inner) => {
                is_named(&name.text, "emails")
                    && inner.has_equality(opposite, &|name| name.text.eq_ignore_ascii_case("value"))
            }
        }
    }
}

/// Whether a name refers to this attribute of User, in any case and with or without the URN.
fn is_named(text: &str, attribute: &str) -> bool {
    let bare = match text.rsplit_once(':') {
        Some((schema, name)) if schema.eq_ignore_ascii_case(urn::USER) => name,
        Some(_) => return false,
        None => text,
    };
    bare.eq_ignore_ascii_case(attribute)
}

#[cfg(test)]
mod tests {
    use crate::scim::filter::parse;
    use crate::scim::path::{self, AttributeName};
    use crate::scim::resource_types::USER;

    #[test]
    fn a_person_is_looked_up_in_many_ways() {
        for filter in [
            r#"userName eq "x""#,
            r#"USERNAME EQ "x""#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "x""#,
            r#"URN:IETF:params:scim:schemas:core:2.0:user:emails.value eq "x""#,
            r#"emails eq "x""#,
            r#"emails.value eq "x""#,
            r#"emails[value eq "x"]"#,
            r#"emails[type eq "work" and value eq "x"]"#,
            r#"emails[type eq "work"].value eq "x""#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:emails[VALUE eq "x"]"#,
            r#"active eq true and (title pr or userName eq "x")"#,
            r#"not (userName ne "x")"#,
            r#"not (emails[value ne "x"])"#,
            r#"not (not (emails.value eq "x"))"#,
        ] {
            assert!(parse(filter).unwrap().looks_up_a_person(), "{filter}");
        }
        for filter in [
            "userName pr",
            "emails eq null",
            r#"userName ne "x""#,
            r#"userName co "x""#,
            r#"emails[type eq "work"]"#,
            r#"title eq "x""#,
            r#"groups[value eq "x"]"#,
            r#"not (userName eq "x")"#,
            r#"urn:ietf:params:scim:schemas:core:2.0:Used:userName eq "x""#,
        ] {
            assert!(!parse(filter).unwrap().looks_up_a_person(), "{filter}");
        }
    }

    #[test]
    fn the_names_are_those_of_the_table() {
        for name in ["userName", "emails", "emails.value"] {
            assert!(matches!(path::find(USER, name), Some(AttributeName::Attribute(_))), "{name}");
        }
    }
}
