//! The ledger: what Intercom returned, when, and what changed; and the record of imports.
//!
//! Everything is keyed by workspace. People, teams and memberships are stored as versions, each
//! true from one generation up to another. The current state, the history and the state at any past
//! moment are all queries over them. A generation never changes once it is committed, so every read
//! "at generation n" returns the same.
//!
//! ```text
//! addresses    the spellings of an address
//! handle       the ledger                       error      its errors
//! migrate      changes of the schema            workspace_names  the workspaces that have data
//! rows         rows to domain values            new_rows   domain values to new rows
//! lease        who may import                   presence   whether a lease holder is alive
//! watched      leases and queues, as observed   queue      runs that wait for another to end
//! runs         the record of imports            run_rows   runs to rows and back
//! sightings    how long ago runs were           times      recorded times in the future
//! commit       a plan, in one transaction       chain      the hash chain over generations
//! read         the state at a generation        versions   what the version tables share
//! stamps       times of creation and change     generation_rows  generations and prunings
//! changes      the log of changes               question   which changes are wanted
//! walk         reads the wanted changes         count      counts them
//! newest_first  changes and log entries, newest first, for people
//! generation_changes  the changes of one generation, with their causes
//! names        names at the time of a change    facts      what the activity log says of people
//! log_entries  what the log says for the posture's checks
//! optional     what only the posture's checks need
//! losses       losses since a generation        notice     notices of other processes' commits
//! evidence     the chain of records             digests    the digests in it
//! salted       salted digests                   salting    adds salts to older rows
//! fields       SHA-256 over named fields        found      takes older rows into the chain
//! person       where rows name a person         people     what is known of a person
//! erase_reviews  erases people from access reviews
//! erase        erases personal data             erased_fields  the same for one row
//! prune        deletes old history              fold       folds runs that changed nothing
//! scrub        removes traces from the file     feed       the feed of log entries
//! seconds      bounds of times in queries
//! verify       verifies the ledger, with `verification`, `verify_chain`, `verify_records` and
//!              `verify_erasures`
//! ```

mod addresses;
mod chain;
mod changes;
mod commit;
mod count;
mod digests;
mod erase;
mod erase_reviews;
mod erased_fields;
mod error;
pub(crate) mod evidence;
mod facts;
mod feed;
mod fields;
mod fold;
mod found;
mod generation_changes;
mod generation_rows;
mod handle;
mod held;
mod lease;
mod log_entries;
mod losses;
mod migrate;
mod names;
mod new_rows;
mod newest_first;
mod notice;
mod optional;
mod people;
mod person;
mod presence;
mod prune;
mod question;
mod queue;
mod read;
mod rows;
mod run_rows;
mod runs;
pub(crate) mod salted;
mod salting;
mod scrub;
mod seconds;
mod sightings;
mod stamps;
mod times;
mod verification;
mod verify;
mod verify_chain;
mod verify_erasures;
mod verify_records;
mod versions;
mod walk;
mod watched;
mod workspace_names;

pub use changes::ChangePage;
pub use commit::Committed;
pub use erase::Erased;
pub use error::LedgerError;
pub(crate) use evidence::lock;
pub use feed::{FeedAnswer, FeedPage};
pub use fold::Folded;
pub use handle::Ledger;
pub use held::HeldLoss;
pub use lease::Lease;
pub(crate) use lease::fence_off;
pub use log_entries::SignInMethod;
pub use newest_first::{LatestEntries, LatestEntriesQuestion, NewestChanges};
pub use notice::Notices;
pub use optional::{ObservedThing, ObservedValue};
pub use person::KnownPerson;
pub use prune::Pruned;
pub use question::{ActorQuestion, ChangeQuestion};
pub use salted::ERASED;
pub use sightings::{SeenRun, Sightings};
pub use times::{Ahead, Bearer};
pub use verification::{ErasedSoFar, LedgerFinding, Moment, TakenAsFound, Verified};
