//! The scope that a handler requires, read from the types of its parameters. So the scope that
//! OpenAPI shows is the one that [`Caller`] and [`Bearer`] enforce.

use actix_web::HttpRequest;
use actix_web::web::{Data, Path, Payload, Query};

use super::body::Body;
use super::caller::{Bearer, Caller, Declared, OptionalCaller};
use crate::access::Scope;

/// The scope that a parameter of a handler requires; for all parameters together, a tuple of them.
#[diagnostic::on_unimplemented(
    message = "it is not known which scope `{Self}` requires",
    note = "implement `RequiredScope` for this parameter in src/http/extract/required_scope.rs"
)]
pub trait RequiredScope {
    /// The scope; `None` if none is required.
    const SCOPE: Option<Scope>;
}

impl<S: Declared> RequiredScope for Caller<S> {
    const SCOPE: Option<Scope> = Some(S::SCOPE);
}

impl<S: Declared> RequiredScope for Bearer<S> {
    const SCOPE: Option<Scope> = Some(S::SCOPE);
}

/// Declares parameters that require no scope.
macro_rules! without_scope {
    ($([$($generics:tt)*] $parameter:ty),+ $(,)?) => {
        $(
            impl<$($generics)*> RequiredScope for $parameter {
                const SCOPE: Option<Scope> = None;
            }
        )+
    };
}

without_scope!(
    [] HttpRequest,
    [] OptionalCaller,
    [] Payload,
    [const LIMIT: usize] Body<LIMIT>,
    [T: ?Sized] Data<T>,
    [T] Path<T>,
    [T] Query<T>,
);

/// Implements the trait for a tuple of parameters.
macro_rules! all_of {
    ($($parameter:ident)*) => {
        impl<$($parameter: RequiredScope),*> RequiredScope for ($($parameter,)*) {
            const SCOPE: Option<Scope> = only(&[$($parameter::SCOPE),*]);
        }
    };
}

all_of!();
all_of!(A);
all_of!(A B);
all_of!(A B C);
all_of!(A B C D);

/// Returns the one scope of a list. A handler with two does not compile.
const fn only(scopes: &[Option<Scope>]) -> Option<Scope> {
    let mut found = None;
    let mut place = 0;
    while place < scopes.len() {
        if scopes[place].is_some() {
            assert!(found.is_none(), "a handler may require only one scope");
            found = scopes[place];
        }
        place += 1;
    }
    found
}
