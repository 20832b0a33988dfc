//! The schemas of enums with one word for each value ([`Words`]).

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::directory::EntitlementType;
use crate::requests::{Operation, RequestState};
use crate::words::Words;

/// Returns the schema of an enum: a string that is one of the words.
fn schema_of<T: Words>(description: &'static str) -> RefOr<Schema> {
    let words = T::VALUES.iter().map(|value| value.word());
    let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
    schema.description(Some(description)).into()
}

/// Gives enums their schemas: `Enum as "Name in OpenAPI" => "description"`.
macro_rules! word_schemas {
    ($($enum:ty as $name:literal => $description:literal),+ $(,)?) => {$(
        impl ToSchema for $enum {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }

        impl PartialSchema for $enum {
            fn schema() -> RefOr<Schema> {
                schema_of::<Self>($description)
            }
        }
    )+};
}

word_schemas! {
    EntitlementType as "EntitlementType" => "The kind of an entitlement.",
    Operation as "RequestOperation" => "The operation",
    RequestState as "RequestState" => "The state of a request.",
}
