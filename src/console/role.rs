//! The roles of people in the console.

use crate::words::words;

words! {
    /// What a person may do in the console. Each role includes the ones before it.
    pub enum ConsoleRole {
        /// Sees the directory, its history and the checks.
        Viewer = "viewer",
        /// Also reviews access, decides whose an account is, and closes requests.
        Reviewer = "reviewer",
        /// Also releases held imports and revokes the access of clients.
        Admin = "admin",
    }
}
