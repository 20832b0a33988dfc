//! A SQLite file holds no trace of people who were forgotten, and of versions that were deleted.

use std::time::Duration;

use super::story::{FIRST, SECOND, Story, WEEKS};
use crate::erased_files::{file_bytes, holds};
use crate::support::database::TestDatabase;

#[tokio::test(flavor = "multi_thread")]
async fn the_file_holds_no_trace_of_a_person_who_was_forgotten() {
    let database = TestDatabase::sqlite();
    let url = database.url.clone();
    let story = Story::begin(database).await;
    story.import(FIRST).await;
    story.clock.advance(WEEKS);
    story.import(SECOND).await;
    assert!(holds(&file_bytes(&url), "mia@acme.example"));
    story.identities.forget("mia@acme.example", &story.author).await.unwrap();
    let bytes = file_bytes(&url);
    for trace in ["mia@acme.example", "Mia Holm"] {
        assert!(!holds(&bytes, trace), "{trace}");
    }
    assert!(holds(&bytes, "ida@acme.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_holds_no_trace_of_versions_that_were_deleted() {
    let database = TestDatabase::sqlite();
    let url = database.url.clone();
    let story = Story::begin(database).await;
    story.import(FIRST).await;
    for row in ["3,Cy Ek-Lund", "3,Cy Ek-Berg", "3,Cy Ek-Gran"] {
        story.clock.advance(Duration::from_hours(25));
        story.import(&FIRST.replace("3,Cy Ek", row)).await;
    }
    assert!(holds(&file_bytes(&url), "Cy Ek-Lund"));
    let kept = story.identities.keep_up(&story.directory).await.unwrap();
    assert_eq!(kept.versions, 2);
    let bytes = file_bytes(&url);
    assert!(!holds(&bytes, "Cy Ek-Lund") && holds(&bytes, "Cy Ek-Gran"));
}
