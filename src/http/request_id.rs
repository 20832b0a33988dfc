//! The id of a request in the log, the audit trail and the `X-Request-Id` of its response.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderName;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The header with the id, in requests and responses.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Returns the client's id if it is fit for a log; else a new one.
pub fn read_or_generate(request: &ServiceRequest) -> String {
    let given = request.headers().get(&X_REQUEST_ID).and_then(|id| id.to_str().ok());
    let fit = |id: &&str| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    given.filter(fit).map_or_else(fresh, str::to_owned)
}

/// Generates an id from a random number of the process and a keyed hash of a counter. The counter
/// itself would reveal how many requests other workspaces get.
pub fn fresh() -> String {
    static PROCESS: LazyLock<[u8; 4]> = LazyLock::new(|| {
        let mut bytes = [0; 4];
        // Without randomness the processes merely have the same part.
        let _ = aws_lc_rs::rand::fill(&mut bytes);
        bytes
    });
    static REQUESTS: AtomicU64 = AtomicU64::new(0);
    static SHUFFLED: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let mut bytes = [0; 12];
    let mut id = [b'-'; 16];
    bytes[..4].copy_from_slice(&*PROCESS);
    bytes[4..].copy_from_slice(
        &SHUFFLED.hash_one(REQUESTS.fetch_add(1, Ordering::Relaxed)).to_be_bytes(),
    );
    // Twelve bytes are sixteen characters, all of them ASCII.
    let _ = URL_SAFE_NO_PAD.encode_slice(bytes, &mut id);
    if id[0] == b'-' {
        // Command lines would take a leading hyphen for an option.
        id[0] = b'A';
    }
    str::from_utf8(&id).unwrap_or_default().to_owned()
}
