//! The attributes of roles, seats and permissions in the schema table.

use super::attribute::{Attribute, Kind};
use super::value::Value;
use super::view::ItemRef;

const NAME: Attribute =
    Attribute::of_item("displayName", Kind::String, name, "The name for people.").required();

/// A role in Okta's form.
pub(super) const OKTA_ROLE: &[Attribute] = &[
    NAME,
    Attribute::of_item("description", Kind::String, description, "What Intercom says of the role."),
];

/// A seat or a permission in Okta's form.
pub(super) const OKTA_ENTITLEMENT: &[Attribute] = &[NAME, TYPE];

const TYPE: Attribute = Attribute::of_item(
    "type",
    Kind::String,
    |item, _| Value::text(item.item.kind.as_str()),
    "seat or permission: the type that users carry.",
)
.required()
.words(&["seat", "permission"]);

/// The value that users carry. The draft requires it.
const VALUE: Attribute =
    Attribute::of_item("value", Kind::String, value, "The value that users carry.")
        .required()
        .case_exact();

const DISPLAY: Attribute =
    Attribute::of_item("display", Kind::String, name, "The name for people.");

const SUPPORTED: Attribute = Attribute::of_item(
    "supported",
    Kind::Boolean,
    |_, _| Value::Boolean(true),
    "Always true: Intercom no longer lists what cannot be assigned.",
)
.required();

/// A role in the form of the IETF draft.
pub(super) const DRAFT_ROLE: &[Attribute] = &[VALUE, DISPLAY, SUPPORTED];

/// A seat or a permission in the form of the IETF draft.
pub(super) const DRAFT_ENTITLEMENT: &[Attribute] = &[VALUE, DISPLAY, TYPE, SUPPORTED];

fn value(item: ItemRef<'_>, _: usize) -> Value<'_> {
    Value::text(item.item.id.as_str())
}

fn name(item: ItemRef<'_>, _: usize) -> Value<'_> {
    Value::text(item.item.name.as_str())
}

fn description(item: ItemRef<'_>, _: usize) -> Value<'_> {
    Value::maybe(item.item.description.as_deref())
}
