//! The templates and the values that replace their placeholders.

use std::collections::BTreeMap;

use super::bridge::{Bridge, Rate};
use crate::base_urls::{api_base_url, scim_base_url};
use crate::directory::DEFAULT_WORKSPACE;

/// The bridge's interface that Saviynt reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `/scim/v2`: the interface that Saviynt documents for SCIM targets.
    Scim,
    /// `/api/v1`: flat JSON objects, with more columns.
    Flat,
}

/// Accounts or entitlements on a page, if the bridge allows as many: about 200 KB of JSON.
const PAGE: usize = 200;

/// Calls between two pauses if the bridge has no rate limit.
const UNLIMITED_CALLS: u32 = 10_000;

/// The period that the import of recent changes covers, in days: twice the usual day between two
/// runs.
const RECENT_DAYS: u32 = 2;

/// Pairs of file name and contents. The files are named after EIC's parameters.
macro_rules! templates {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../config/saviynt/", $folder, $name)))),+]
    };
}

const OF_BOTH: [(&str, &str); 9] = templates!["":
    "README.md",
    "ConnectionJSON.json",
    "ConnectionJSON.bearer.json",
    "STATUS_THRESHOLD_CONFIG.json",
    "STATUS_THRESHOLD_CONFIG.recent.json",
    "ConfigJSON.json",
    "CreateTicketJSON.json",
    "TicketStatusJSON.json",
    "intercom.tf",
];

/// The templates that differ between the styles. Both styles have files with the same names.
macro_rules! templates_of_style {
    ($folder:literal) => {
        templates![$folder:
            "ImportAccountEntJSON.json",
            "ImportAccountEntJSON.per-team.json",
            "ImportAccountEntJSON.recent.json",
            "CreateAccountJSON.json",
            "UpdateAccountJSON.json",
            "EnableAccountJSON.json",
            "DisableAccountJSON.json",
            "RemoveAccountJSON.json",
            "AddAccessJSON.json",
            "RemoveAccessJSON.json",
        ]
    };
}

const SCIM: [(&str, &str); 10] = templates_of_style!("scim/");
const FLAT: [(&str, &str); 10] = templates_of_style!("flat/");

/// Returns the rendered files by name. Placeholders for values that only the administrator knows
/// remain: `@@CLIENT_ID@@`, `@@CLIENT_SECRET@@`, `@@ACCESS_TOKEN@@`.
pub(super) fn rendered(bridge: &Bridge, style: Style) -> BTreeMap<&'static str, String> {
    let of_style = match style {
        Style::Scim => SCIM,
        Style::Flat => FLAT,
    };
    let numbers = numbers(bridge);
    let texts = texts(bridge, style);
    let fill = |template: &str| {
        // Templates have number placeholders in quotes, so that they are valid JSON too. The quotes
        // are replaced as well.
        let text = numbers.iter().fold(template.to_owned(), |text, (name, number)| {
            text.replace(&format!("\"@@{name}@@\""), &number.to_string())
        });
        texts.iter().fold(text, |text, (name, value)| text.replace(&format!("@@{name}@@"), value))
    };
    OF_BOTH.into_iter().chain(of_style).map(|(name, template)| (name, fill(template))).collect()
}

fn numbers(bridge: &Bridge) -> [(&'static str, usize); 4] {
    let (calls, wait) = match bridge.rate {
        // Saviynt sends as many calls as the bridge accepts at once, then waits until the bridge
        // accepts as many again.
        Some(Rate { per_second, burst }) => (burst, burst.div_ceil(per_second.max(1))),
        None => (UNLIMITED_CALLS, 1),
    };
    [
        ("ACCOUNT_THRESHOLD", bridge.account_threshold),
        ("TEAM_THRESHOLD", bridge.team_threshold),
        ("RATE_CALLS", calls as usize),
        ("RATE_WAIT_SECONDS", wait as usize),
    ]
}

/// The text placeholders, in the order of replacement: a value that contains placeholders comes
/// before these.
fn texts(bridge: &Bridge, style: Style) -> [(&'static str, String); 15] {
    let base = &bridge.base_url;
    let scim = scim_base_url(base, &bridge.workspace);
    let api = api_base_url(base, &bridge.workspace);
    let page = bridge.largest_page.min(PAGE);
    let option = match bridge.workspace.as_str() {
        DEFAULT_WORKSPACE => String::new(),
        workspace => format!(" --workspace {workspace}"),
    };
    let (scope, test) = match style {
        Style::Scim => {
            ("scim.read import.read lifecycle.write", format!("{scim}/Users?startIndex=1&count=1"))
        }
        Style::Flat => ("import.read lifecycle.write", format!("{api}/accounts?limit=1")),
    };
    let since = format!(
        "filter=meta.lastModified%20ge%20%22${{new Date().minus({RECENT_DAYS}).format(\\\"yyyy-MM-dd'T'HH:mm:ss'Z'\\\")}}%22"
    );
    let users = Walk {
        list: format!("{scim}/Users"),
        query: String::new(),
        by_cursor: bridge.cursor_pagination,
    };
    let groups = Walk {
        list: format!("{scim}/Groups"),
        query: "excludedAttributes=members&".to_owned(),
        ..users
    };
    // Only the first URL has the filter with its expression. The following URLs are links from the
    // bridge's responses.
    let recent = format!("{}&{since}", users.first());
    let next_link = r#"${headers?.Link==null?null:headers.Link.replace('<','').replace('>; rel=\"next\"','').trim()}"#;
    [
        ("USERS_FIRST", users.first()),
        ("USERS_NEXT", users.next()),
        ("GROUPS_FIRST", groups.first()),
        ("GROUPS_NEXT", groups.next()),
        ("RECENT_FIRST", recent),
        ("RECENT_NEXT", next_link.to_owned()),
        ("TEST_URL", test),
        ("SCIM_BASE_URL", scim),
        ("API_BASE_URL", api),
        ("TOKEN_URL", format!("{base}/oauth/token")),
        ("SCOPE", scope.to_owned()),
        ("BASE_URL", base.clone()),
        ("CONNECTION_NAME", bridge.connection_name()),
        ("WORKSPACE_OPTION", option),
        ("PAGE", page.to_string()),
    ]
}

/// How Saviynt pages through a SCIM list.
struct Walk {
    list: String,
    query: String,
    by_cursor: bool,
}

impl Walk {
    fn first(&self) -> String {
        let Self { list, query, by_cursor } = self;
        format!(
            "{list}?{query}count=@@PAGE@@&{}",
            if *by_cursor { "cursor=" } else { "startIndex=1" }
        )
    }

    /// Saviynt's expression for the URL of the next page, in the form that Saviynt documents.
    fn next(&self) -> String {
        let Self { list, query, by_cursor } = self;
        let url = format!("'{list}?{query}count=@@PAGE@@&");
        if *by_cursor {
            let next = "response.completeResponseMap.nextCursor";
            format!(
                "${{response?.completeResponseMap?.nextCursor==null?null:{url}cursor='+{next}}}"
            )
        } else {
            let sum = "Math.addExact(response.completeResponseMap.itemsPerPage,response.completeResponseMap.startIndex)";
            format!("${{response?.objectList?.size()>0?{url}startIndex='+{sum}:null}}")
        }
    }
}
