//! All bounds of the bridge that are not settings, each with its reason.

mod access;
mod imports;
mod ledger;
mod process;
mod roster;
mod serving;
mod upstream;

pub use access::*;
pub use imports::*;
pub use ledger::*;
pub use process::*;
pub use roster::*;
pub use serving::*;
pub use upstream::*;
