//! Sections `database` and `intercom`.

use reqwest::Url;
use secrecy::SecretString;

use crate::config::rules::one_of;
use crate::config::setting::section;
use crate::config::values::{api_version, client_id, database_url, region, secret, url};
use crate::intercom::Region;

section! {
    /// Section `database`: the ledger.
    pub struct Database in "database" {
        /// The database: SQLite for one bridge, PostgreSQL for several.
        pub url: SecretString = "sqlite://bridge.db?mode=rwc",
            database_url().variable("DATABASE_URL");
    }
}

section! {
    /// Section `intercom`: the API of the workspace.
    pub struct Intercom in "intercom" {
        /// The access token of your app. The app needs the permissions "Read admins" and "Read
        /// admin activity logs".
        pub access_token: Option<SecretString> = "",
            secret("the access token of an app in Intercom's Developer Hub, without blanks")
                .or_empty()
                .secret()
                .variable("INTERCOM_ACCESS_TOKEN");

        /// The region that hosts the workspace. Empty: us, unless base_url is set.
        pub region: Option<Region> = "", region().or_empty().variable("INTERCOM_REGION");

        /// The root of Intercom's API, for a simulator or a proxy. Empty: that of the region.
        pub base_url: Option<Url> = "",
            url("https://api.intercom.io").or_empty().variable("INTERCOM_BASE_URL");

        /// The client id of your app, to connect a workspace by OAuth
        /// (`intercom-scim-bridge connect`) instead of an access token.
        pub client_id: Option<String> = "",
            client_id().or_empty().variable("INTERCOM_CLIENT_ID");

        /// The client secret of your app, to connect a workspace by OAuth, and to verify the
        /// signatures of its webhooks (POST /webhooks/intercom/default). Empty: webhooks are
        /// refused.
        pub client_secret: Option<SecretString> = "",
            secret("the client secret of an app in Intercom's Developer Hub")
                .or_empty()
                .secret()
                .variable("INTERCOM_CLIENT_SECRET");

        /// The version of Intercom's API, sent as Intercom-Version. The newest is 2.18 (November
        /// 2026).
        pub api_version: String = "2.16", api_version();

        /// Whether full imports read the list of roles (GET /roles), with version 2.18 for this call
        /// only. auto: yes; if Intercom refuses it, the roles are those of the teammates, and the
        /// import has the warning roles_partial. off: no.
        pub roles: bool = "auto", one_of(&[("auto", true), ("off", false)]);
    }
}
