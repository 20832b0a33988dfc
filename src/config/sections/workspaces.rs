//! `[[workspaces]]`.

use std::path::PathBuf;

use reqwest::Url;
use secrecy::SecretString;

use crate::config::rules::file;
use crate::config::setting::section;
use crate::config::values::{client_id, region, secret, url, workspace_name};
use crate::intercom::Region;

section! {
    /// A table of `[[workspaces]]`: one more workspace.
    pub struct WorkspaceTable in "workspaces[]" {
        /// The name in paths and tokens. Its paths begin with /workspaces/NAME.
        pub name: String = "emea", workspace_name().required();

        /// The access token of its app. If neither this nor access_token_file is set, connect the
        /// workspace with `connect --workspace NAME`.
        pub access_token: Option<SecretString> = "",
            secret("the access token of an app in Intercom's Developer Hub, without blanks")
                .or_empty();

        /// A file with the access token, instead of access_token.
        pub access_token_file: Option<PathBuf> = "",
            file("a readable file that contains only the access token").or_empty();

        /// The region that hosts it. If region or base_url is set here, neither is taken from
        /// [intercom].
        pub region: Option<Region> = "", region().or_empty();

        /// The root of the API.
        pub base_url: Option<Url> = "", url("https://api.intercom.io").or_empty();

        /// The client id of its app.
        pub client_id: Option<String> = "", client_id().or_empty();

        /// The client secret of its app.
        pub client_secret: Option<SecretString> = "",
            secret("the client secret of an app in Intercom's Developer Hub").or_empty();

        /// A file with the client secret, instead of client_secret.
        pub client_secret_file: Option<PathBuf> = "",
            file("a readable file that contains only the client secret").or_empty();
    }
}
