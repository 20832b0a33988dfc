//! Why a pull failed.

use crate::limits;

/// Why a pull failed. No message has a value of a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PullError {
    /// The server cannot be reached.
    #[error("{what} cannot be reached: {why}. Check roster.pull.url and the network")]
    Unreachable {
        /// What was requested.
        what: String,
        /// Why.
        why: &'static str,
    },
    /// The server refuses the credentials.
    #[error(
        "{what} was refused with {status}. Check the credentials of roster.pull, and whether they \
         may read users"
    )]
    Refused {
        /// What was requested.
        what: String,
        /// The status.
        status: u16,
    },
    /// The server answered with another status.
    #[error("{what} was answered with {status}. Check roster.pull.url and roster.pull.kind")]
    Status {
        /// What was requested.
        what: String,
        /// The status.
        status: u16,
    },
    /// The response is not what the API documents.
    #[error("the response to {what} is not a list of people in JSON. Check roster.pull.kind")]
    Malformed {
        /// What was requested.
        what: String,
    },
    /// The response is too large.
    #[error("the response to {what} is larger than {max} bytes")]
    TooLarge {
        /// What was requested.
        what: String,
        /// The maximum.
        max: usize,
    },
    /// The list ended before its announced end.
    #[error(
        "the list ended after {read} of {total} people. Nothing is taken over, since a missing \
         person would count as a leaver"
    )]
    Incomplete {
        /// People that were read.
        read: usize,
        /// The announced number.
        total: usize,
    },
    /// The list changed while it was read, twice.
    #[error("the list of people changed while it was read, twice. The next pull tries again")]
    Changing,
    /// The server repeats a page, and names a further one.
    #[error(
        "the server sent people again that it had sent before, and says that more follow. Nothing \
         is taken over, since a missing person would count as a leaver"
    )]
    Repeating,
    /// The people of all pages are too large together.
    #[error("the people of the list have more than {max} bytes together")]
    TooManyBytes {
        /// The maximum.
        max: usize,
    },
    /// The list has too many people.
    #[error("the list has more than {max} people")]
    TooMany {
        /// The maximum.
        max: usize,
    },
    /// The list has too many pages.
    #[error("the list has more than {max} pages")]
    TooManyPages {
        /// The maximum.
        max: usize,
    },
    /// The next page is at another place.
    #[error("the server names a next page at another address. Its people are not read")]
    ForeignPage,
    /// The pull took too long.
    #[error("reading all people took longer than {} minutes", limits::PULL_WAIT.as_secs() / 60)]
    TooSlow,
}
