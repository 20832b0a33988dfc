//! What is known about the request that is being answered.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use time::OffsetDateTime;

use crate::access::AuditActor;
use crate::database::AuditEntry;

/// Where a request came from, and how the client reached the bridge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// The client's address.
    pub from: Option<IpAddr>,
    /// The URL by which the client reached the bridge, if it is not the configured one; without a
    /// slash at the end.
    pub to: Option<String>,
    /// Whether the client's connection is encrypted: the bridge terminates TLS, or the trusted
    /// proxy says so.
    pub is_secure: bool,
    /// The peer and the header, if an untrusted peer sent a header of a proxy and was not reported
    /// before.
    pub not_trusted: Option<(IpAddr, &'static str)>,
}

/// What is known about the request that is being answered.
#[derive(Debug)]
pub struct RequestContext {
    /// The id of the request in the log, and the `X-Request-Id` of its response.
    pub request_id: String,
    /// Where the request came from.
    pub forwarded: Forwarded,
    /// The authenticated client, once it is known.
    pub actor: Option<AuditActor>,
    /// The workspace, once it is known that the token is valid for it.
    pub workspace: Option<Arc<str>>,
    /// The largest number of items on a page, if the client requested more.
    pub limit_applied: Option<usize>,
}

tokio::task_local! {
    /// The context of the request that is being answered. The request's extensions could hold it,
    /// too, but looking it up there takes longer, and every response does so more than once.
    static CONTEXT: Rc<RefCell<RequestContext>>;
}

impl RequestContext {
    /// Reads or changes the context of the request that is being answered. `None` if there is none:
    /// outside [`RequestContext::scope`], such as in a background task.
    pub fn with<T>(access: impl FnOnce(&mut Self) -> T) -> Option<T> {
        CONTEXT.try_with(|context| access(&mut context.borrow_mut())).ok()
    }

    /// Runs the rest of a request's processing with its context.
    pub fn scope<F: Future>(
        context: Rc<RefCell<Self>>,
        rest: F,
    ) -> impl Future<Output = F::Output> {
        CONTEXT.scope(context, rest)
    }

    /// The id of the request.
    pub fn id() -> Option<String> {
        Self::with(|context| context.request_id.clone())
    }

    /// An entry of the audit trail about an event that the request caused, with the request's id
    /// and the client's address.
    pub fn audit_entry(event: &str, at: OffsetDateTime) -> AuditEntry {
        AuditEntry {
            address: Self::client_address().map(|address| address.to_string()),
            request_id: Self::id(),
            ..AuditEntry::event(event, at)
        }
    }

    /// The client's address, if it is known.
    pub fn client_address() -> Option<IpAddr> {
        Self::with(|context| context.forwarded.from).flatten()
    }
}
