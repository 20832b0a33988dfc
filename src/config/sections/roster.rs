//! Sections `roster` and `roster.pull`.

use std::collections::BTreeMap;
use std::time::Duration;

use figment::value::Dict;
use reqwest::Url;
use secrecy::SecretString;

use crate::config::roster_values::{
    classes, columns, completeness, date_format, equivalent_domains, plain_text, pull_kind,
    service_accounts, tag_separators, time_zone,
};
use crate::config::rules::{boolean, duration, percent, whole};
use crate::config::setting::section;
use crate::config::values::{safe_url, secret};
use crate::moments::Zone;
use crate::roster::dates::DateFormat;
use crate::roster::{
    AddressPattern, Class, ColumnMapping, Completeness, EquivalentDomains, PullKind,
};

const DAY: Duration = Duration::from_hours(24);

section! {
    /// Section `roster`: the company's list of people, and how accounts are matched with it.
    pub struct Roster in "roster" {
        /// Whom the roster contains. current: only people who work for the company now, so a person
        /// who is missing from a later version has left. all: those who left, too, so a missing
        /// person is unknown. Empty: no roster can be imported. A guess would miss leavers or
        /// invent them.
        pub complete: Option<Completeness> = "", completeness().or_empty();

        /// The time zone of start and end dates. The last day itself still counts as active.
        pub time_zone: Zone = "UTC", time_zone();

        /// The form of dates other than 2026-04-10 and 2026/04/10. YYYY, MM (or M, or MMM for
        /// English names) and DD (or D) stand for year, month and day.
        pub date_format: Option<DateFormat> = "", date_format().or_empty();

        /// The titles of columns, as a table [roster.columns] from field to title. What is missing
        /// is recognised by the titles of the known sources. An empty title: the source has no such
        /// column, whatever its titles look like.
        pub columns: ColumnMapping = Dict::new(), columns();

        /// Words of the source for classes, as a table [roster.classes] from word to class. They
        /// are added to the built-in words, and overrule them.
        pub classes: BTreeMap<String, Class> = Dict::new(), classes();

        /// Sets of domains of one company. The same name before the @ is then the same person in
        /// all domains of a set.
        pub equivalent_domains: EquivalentDomains = Vec::<String>::new(), equivalent_domains();

        /// The characters after which people add to their own address (ida+test@example.com).
        /// Matches by this are derived. Empty: no such matches.
        pub tag_separators: String = "+", tag_separators();

        /// Whether private addresses of the roster are kept and matched.
        pub match_personal: bool = false, boolean();

        /// How long a former address of a person still matches. In whole days.
        pub keep_former: Duration = "365d", duration(Duration::ZERO..=36_500 * DAY, "365d");

        /// Addresses of accounts that belong to no person. * stands for any name or any domain.
        pub service_accounts: Vec<AddressPattern> = Vec::<String>::new(), service_accounts();

        /// The share of active people, or of matched accounts, that a new version may lose. A
        /// version that loses more than that, and more than a handful, is held until
        /// `roster accept`.
        pub max_shrink: u8 = 20u8, percent();

        /// The age of the roster from which answers carry a warning.
        pub max_age: Duration = "7d", duration(Duration::from_secs(1)..=3_650 * DAY, "7d");

        /// How long after the last day a person's account may be active without a finding. In whole
        /// days.
        pub ended_grace: Duration = "0d", duration(Duration::ZERO..=365 * DAY, "3d");

        /// How long people who left stay in the roster, unless an account still belongs to them. In
        /// whole days.
        pub keep_ended: Duration = "180d", duration(Duration::ZERO..=36_500 * DAY, "180d");

        /// The number of versions to keep. The one in force is kept in any case.
        pub keep_versions: u32 = 10u32, whole(1..=10_000);
    }
}

section! {
    /// Section `roster.pull`: reads the roster from an identity provider, on a schedule.
    pub struct RosterPull in "roster.pull" {
        /// The root of its API: of a SCIM server without `/Users`, of Okta the address of the
        /// organisation. Empty: the roster is only imported by command or API.
        pub url: Option<Url> = "", safe_url("https://idp.example.com/scim/v2").or_empty();

        /// The kind of API. scim: SCIM 2.0. entra_scim: the SCIM API of Microsoft Entra ID.
        /// okta_api: the Users API of Okta.
        pub kind: PullKind = "scim", pull_kind();

        /// The token of a client that may read users. For okta_api, an API token.
        pub token: Option<SecretString> = "", secret("a token, without blanks").or_empty().secret();

        /// The client id, if tokens are issued for client credentials, instead of token.
        pub client_id: Option<String> = "", plain_text("a client id, without blanks").or_empty();

        /// The client secret.
        pub client_secret: Option<SecretString> = "",
            secret("a client secret, without blanks").or_empty().secret();

        /// Where tokens are issued for the client credentials.
        pub token_url: Option<Url> = "", safe_url("https://idp.example.com/oauth/token").or_empty();

        /// The scope of these tokens.
        pub scope: Option<String> = "",
            plain_text("a scope, such as https://graph.microsoft.com/.default").or_empty();

        /// How often the roster is read.
        pub interval: Option<Duration> = "24h",
            duration(Duration::from_mins(1)..=365 * DAY, "24h").or_off();

        /// The name of the source, in versions and columns.
        pub source: String = "pull", plain_text("a name without blanks, such as entra");
    }
}
