//! The pattern of a request's path.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

use actix_web::HttpRequest;

use crate::measures::{Measures, RouteMeasures};

/// The pattern of a path, for logs, metrics and the audit trail. It is stored with the route
/// because the framework's `match_pattern` matches all patterns once more.
pub struct Pattern {
    plain: Arc<str>,
    is_second_root: bool,
    with_workspace: Arc<str>,
    measures: OnceCell<RouteMeasures>,
}

impl Pattern {
    /// The pattern of a path below `root`, which exists for each workspace. `is_second_root` says
    /// that the same handlers are below another root too.
    pub fn new(root: &str, path: &str, is_second_root: bool) -> Self {
        let with_workspace = format!("/workspaces/{{workspace}}{root}{path}");
        let plain = format!("{root}{path}").into();
        let with_workspace = with_workspace.into();
        Self { plain, is_second_root, with_workspace, measures: OnceCell::new() }
    }

    /// The pattern that a request's path matched; `None` for a path that does not exist for each
    /// workspace.
    pub fn matched(request: &HttpRequest) -> Option<&Self> {
        request.app_data::<Self>()
    }

    /// Whether a request is for the second root of the SCIM service, `/scim/okta/v2`.
    pub fn is_below_second_root(request: &HttpRequest) -> bool {
        Self::matched(request).is_some_and(|pattern| pattern.is_second_root)
    }

    /// The pattern without the workspace, the same for all workspaces.
    pub fn of_every_workspace(&self) -> &str {
        &self.plain
    }

    /// The pattern, with `/workspaces/{workspace}` if the request's path has it.
    pub fn of_this_workspace(&self, request: &HttpRequest) -> &Arc<str> {
        let named = request.match_info().get("workspace").is_some();
        if named { &self.with_workspace } else { &self.plain }
    }

    /// The metrics of this route, created at its first response.
    pub fn measures(&self, all: &Measures) -> &RouteMeasures {
        self.measures.get_or_init(|| all.of_route(Arc::clone(&self.plain)))
    }

    /// The `{id}` in a request's path, decoded.
    pub fn id(request: &HttpRequest) -> Option<Cow<'_, str>> {
        request.match_info().get("id").map(decoded)
    }
}

/// Decodes what the framework leaves encoded in a segment of a path: `%`, `+` and `/`.
fn decoded(segment: &str) -> Cow<'_, str> {
    let mut parts = segment.split('%');
    let first = parts.next().unwrap_or_default();
    if first.len() == segment.len() {
        return segment.into();
    }
    let mut whole = first.to_owned();
    for part in parts {
        let letter = match part.get(..2) {
            Some("25") => '%',
            Some("2b" | "2B") => '+',
            Some("2f" | "2F") => '/',
            _ => {
                whole.extend(["%", part]);
                continue;
            }
        };
        whole.push(letter);
        whole.push_str(&part[2..]);
    }
    whole.into()
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn only_what_the_framework_leaves_encoded_is_decoded() {
        for (segment, expected) in [
            ("adm_1", "adm_1"),
            ("a%2Bb%2fc%25d", "a+b/c%d"),
            ("%252B", "%2B"),
            ("%", "%"),
            ("a%2", "a%2"),
            ("%20%", "%20%"),
            ("%é", "%é"),
        ] {
            assert_eq!(decoded(segment), expected);
        }
    }
}
