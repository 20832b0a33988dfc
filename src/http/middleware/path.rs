//! Tidies the path of a request.

use actix_web::dev::ServiceRequest;
use actix_web::http::Uri;

/// Rewrites `/Users/` and `//Users` to `/Users`: people paste base URLs with and without a slash at
/// the end.
pub fn tidy(request: &mut ServiceRequest) {
    let path = request.path();
    // No early exit, so that the loop vectorises.
    let pairs = path.as_bytes().iter().zip(path.as_bytes().get(1..).unwrap_or_default());
    let doubled = pairs.filter(|(one, next)| **one == b'/' && **next == b'/').count();
    // Swagger UI's pages refer to their files by relative URLs.
    if path.len() == 1 || path.starts_with("/docs/") || !(path.ends_with('/') || doubled > 0) {
        return;
    }
    let mut tidy: String = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .flat_map(|part| ["/", part])
        .collect();
    if let Some(query) = request.uri().query() {
        tidy.push('?');
        tidy.push_str(query);
    }
    let mut parts = request.uri().clone().into_parts();
    // Removing slashes leaves a valid path, so parsing succeeds.
    parts.path_and_query = tidy.parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
}
