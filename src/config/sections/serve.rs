//! Sections `serve`, `scim`, `reviews` and `seats`.

use std::time::Duration;

use crate::config::rules::{boolean, duration, one_of, texts, whole};
use crate::config::setting::section;
use crate::config::values::{currency, price};
use crate::directory::{CatalogueForm, Names, Price};

section! {
    /// Section `serve`: how fresh responses are.
    pub struct Serve in "serve" {
        /// The age of the data above which a request triggers an import. The response is still sent
        /// at once, with the age in `Age`. off: requests trigger no import.
        pub max_age: Option<Duration> = "60s",
            duration(Duration::from_secs(1)..=Duration::from_hours(365 * 24), "60s").or_off();

        /// Whether every request waits for an import, like one with `Cache-Control: no-cache`.
        pub read_through: bool = false, boolean();

        /// How long a request waits for an import. After that, the response has the data of the
        /// last import.
        pub max_wait: Duration = "10s",
            duration(Duration::from_secs(1)..=Duration::from_mins(5), "10s");
    }
}

section! {
    /// Section `scim`: the SCIM endpoints.
    pub struct Scim in "scim" {
        /// The largest page. Clients that request more resources get this many. Clients that do not
        /// specify a number get at most 100.
        pub max_results: u32 = 1_000u32, whole(1..=1_000);

        /// Whether clients may read lists by cursor (RFC 9865). If so, ServiceProviderConfig has a
        /// member `pagination`, which some older client libraries refuse.
        pub cursor_pagination: bool = true, boolean();

        /// How a name of one word is split. repeat: the word is the given name and the family name,
        /// because some importers refuse an empty one. given_only: there is no family name.
        pub one_word_names: Names = "repeat",
            one_of(&[("repeat", Names::Repeat), ("given_only", Names::GivenOnly)]);

        /// Whether SCIM has resource types for roles, seats and permissions, so that a governance
        /// product can read also those that nobody has. okta: as Okta Identity Governance reads
        /// them. draft: as draft-ietf-scim-roles-entitlements-01 describes them (experimental; the
        /// draft has expired). Some older clients refuse resource types that they do not know.
        pub roles_and_entitlements: CatalogueForm = "off",
            one_of(&[
                ("off", CatalogueForm::Off),
                ("okta", CatalogueForm::Okta),
                ("draft", CatalogueForm::Draft),
            ]);

        /// Whether the same data has a second base URL, /scim/okta/v2, with roles, seats and
        /// permissions in Okta's form whatever roles_and_entitlements says. So one bridge can serve
        /// Okta and clients that refuse unknown resource types. The bridge then keeps a second
        /// prepared response of every user and group in memory.
        pub okta_path: bool = false, boolean();
        /// Whether users have SCIM's enterprise extension with employeeNumber, department and
        /// manager of the roster in force. Everyone with the scope scim.read can then read these
        /// values. A change of them changes meta.version and meta.lastModified of the user.
        pub enterprise_from_roster: bool = false, boolean();
    }
}

section! {
    /// Section `reviews`: reviews of access.
    pub struct Reviews in "reviews" {
        /// The roles whose holders count as privileged in reviews of access, in upper or lower
        /// case. Teammates with the permission manage_teammates, or with one for the workspace's
        /// settings or security, always count as privileged.
        pub privileged_roles: Vec<String> = vec!["Owner", "Admin", "Super admin"],
            texts("a list of role names, such as [\"Owner\", \"Admin\"], or one string with commas");
    }
}

section! {
    /// Section `seats`: paid seats that nobody uses.
    pub struct Seats in "seats" {
        /// How long the holder of a seat must not have been active until the seat counts as unused.
        /// A part of a day counts as a day. Requests can name another time (`unused_for`).
        pub unused_after: Duration = "30d",
            duration(Duration::from_hours(24)..=Duration::from_hours(3_650 * 24), "30d");

        /// What a seat costs a month. Then `/api/v1/seats` says what the unused seats cost.
        pub price: Option<Price> = "", price().or_empty();

        /// The currency of the price.
        pub currency: Option<String> = "", currency().or_empty();
    }
}

impl Seats {
    /// The time in `unused_after` in whole days, rounded up.
    #[must_use]
    pub fn unused_after_days(&self) -> i64 {
        let days = self.unused_after.as_secs().div_ceil(86_400);
        i64::try_from(days).unwrap_or(i64::MAX)
    }
}
