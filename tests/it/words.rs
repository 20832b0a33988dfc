//! Enums with one word for each value: the word parses back, in the database and in JSON alike.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};

use intercom_scim_bridge::access::Scope;
use intercom_scim_bridge::directory::{
    ChangeAction, ChangeKind, EntitlementType, Field, LossKind, Mode, Priority, RunStatus, Trigger,
};
use intercom_scim_bridge::import::ConnectionState;
use intercom_scim_bridge::requests::{Operation, RequestSource, RequestState};
use intercom_scim_bridge::roster;
use intercom_scim_bridge::tabular::ReviewChange;
use intercom_scim_bridge::words::Words;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{from_value, json};

fn parses_back<T: Words + Debug + Display + PartialEq + Serialize + DeserializeOwned>() {
    let words: BTreeSet<&str> = T::VALUES.iter().map(|value| value.word()).collect();
    assert_eq!(words.len(), T::VALUES.len(), "two values have the same word: {words:?}");
    for value in T::VALUES {
        assert_eq!(T::from_word(value.word()), Some(*value));
        assert_eq!(value.to_string(), value.word());
        assert_eq!(json!(value), json!(value.word()));
        assert_eq!(from_value::<T>(json!(value.word())).unwrap(), *value);
    }
    assert_eq!(T::from_word(""), None);
}

#[test]
fn every_word_parses_back_to_its_value() {
    parses_back::<ChangeAction>();
    parses_back::<ChangeKind>();
    parses_back::<ConnectionState>();
    parses_back::<EntitlementType>();
    parses_back::<Field>();
    parses_back::<LossKind>();
    parses_back::<Mode>();
    parses_back::<Operation>();
    parses_back::<Priority>();
    parses_back::<RequestSource>();
    parses_back::<RequestState>();
    parses_back::<ReviewChange>();
    parses_back::<RunStatus>();
    parses_back::<Scope>();
    parses_back::<Trigger>();
    parses_back::<roster::Class>();
    parses_back::<roster::ClassReason>();
    parses_back::<roster::Confidence>();
    parses_back::<roster::Field>();
    parses_back::<roster::Flag>();
    parses_back::<roster::MatchRule>();
    parses_back::<roster::Status>();
}
