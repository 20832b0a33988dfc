//! Runs queries with any bytes as the body of a search, and any text as each parameter. None may
//! panic. This also resolves attribute paths, in filters, sorting and projection.
#![no_main]

use intercom_scim_bridge::directory::{Directory, Names, Recorded, Snapshot, Stamps, User, UserId, Volatile};
use intercom_scim_bridge::scim::{CursorKey, PageRules, ServedSnapshot, Query, ScimError, Walker, resource_types};

fn ask(query: Result<Query, ScimError>) -> Result<(), ScimError> {
    let stamps = Stamps { created: time::OffsetDateTime::UNIX_EPOCH, last_modified: time::OffsetDateTime::UNIX_EPOCH };
    let user = (Recorded { value: User::new(UserId::new("1")), stamps }, Volatile::default());
    let snapshot = Snapshot { users: vec![user], ..Snapshot::default() };
    let directory = Directory::new(snapshot, time::OffsetDateTime::UNIX_EPOCH, None);
    let served = ServedSnapshot::new(directory, "", Names::default(), None);
    let key = CursorKey::new(&[0; CursorKey::SECRET]).ok_or(ScimError::Internal)?;
    let walker = Walker { key: &key, client: "", workspace: "" };
    let rules = PageRules { default_count: 10, max_count: 10, cursors: true };
    let question = query?.about(resource_types::ALL)?;
    question.list(&served, question.window(rules, walker)?, walker).map(drop)
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = ask(Query::from_body(bytes));
    if let Ok(text) = str::from_utf8(bytes) {
        for name in ["filter", "sortBy", "attributes", "excludedAttributes", "cursor", "startIndex", "count"] {
            let _ = ask(Query::of_list(&format!("{name}={text}")));
        }
    }
});
