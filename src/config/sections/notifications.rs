//! `[[notifications]]`.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use crate::activity::{Format, Group, Severity};
use crate::config::notification_values::{
    activity_format, endpoint_name, endpoint_secret, endpoint_url, groups, severities,
};
use crate::config::rules::{boolean, duration, file, some_text, texts};
use crate::config::setting::section;

section! {
    /// A table of `[[notifications]]`: an endpoint of outbound webhooks.
    pub struct NotificationTable in "notifications[]" {
        /// The name of the endpoint in commands, metrics and logs.
        pub name: String = "siem", endpoint_name().required();

        /// Where messages are sent. It may contain a secret, so it is never logged.
        pub url: Url = "https://hooks.example.com/intercom", endpoint_url().required();

        /// The secret that signs messages (Standard Webhooks). Either this or secret_file is
        /// needed.
        pub secret: Option<SecretString> = "", endpoint_secret().or_empty();

        /// A file with the secret, instead of secret.
        pub secret_file: Option<PathBuf> = "",
            file("a readable file that contains only the secret").or_empty();

        /// The workspace whose events are sent. Needed if there are several workspaces.
        pub workspace: Option<String> = "", some_text("the name of a workspace").or_empty();

        /// Whether entries of Intercom's activity log are sent.
        pub activity: bool = true, boolean();

        /// Only log entries of these types are sent, as Intercom spells them. Empty: of all types.
        pub types: Vec<String> = Vec::<String>::new(),
            texts("a list, such as [\"admin_login_failure\", \"bulk_export\"], or one string with commas");

        /// Only log entries with these subjects are sent. Empty: with all subjects.
        pub groups: Vec<Group> = Vec::<String>::new(), groups();

        /// Only log entries and findings with these severities are sent. Empty: with all
        /// severities.
        pub severities: Vec<Severity> = Vec::<String>::new(), severities();

        /// Whether changes of teammates, teams and memberships are sent.
        pub changes: bool = false, boolean();

        /// Whether new findings of the posture that fail are sent.
        pub posture: bool = false, boolean();

        /// The form of log entries.
        pub format: Format = "native", activity_format();

        /// How long the receiver may take to answer. Standard Webhooks recommends 15 to 30 seconds.
        pub timeout: Duration = "20s",
            duration(Duration::from_secs(1)..=Duration::from_mins(1), "20s");

        /// Whether the endpoint may have an address of a private network or of this machine.
        /// Without it, the bridge connects only to addresses of the internet.
        pub allow_private_addresses: bool = false, boolean();
    }
}
