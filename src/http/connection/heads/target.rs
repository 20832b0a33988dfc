//! Request targets that the HTTP library would refuse, and the targets that replace them.

use actix_web::http::Uri;

use crate::limits;

/// Why a request target is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreadableTarget {
    /// It has characters that must be percent-encoded in a URI.
    Unencoded,
    /// It is longer than [`limits::REQUEST_TARGET_BYTES`].
    TooLong,
    /// It has only characters that a URI can have, but not the form of one.
    NoPath,
}

impl UnreadableTarget {
    const ALL: [Self; 3] = [Self::Unencoded, Self::TooLong, Self::NoPath];

    /// The host of the replacement target.
    pub(super) fn authority(self) -> &'static str {
        match self {
            Self::Unencoded => "unencoded",
            Self::TooLong => "too-long",
            Self::NoPath => "no-path",
        }
    }
}

/// The scheme of replacement targets. A client has no use for it; one that sends it is refused as
/// well.
pub(super) const UNREADABLE: &str = "unreadable-target";

/// Why the target that the client sent is refused; `None` if `uri` is not a replacement target.
pub fn unreadable_target(uri: &Uri) -> Option<UnreadableTarget> {
    if uri.scheme_str()? != UNREADABLE {
        return None;
    }
    let why = UnreadableTarget::ALL.into_iter().find(|why| Some(why.authority()) == uri.host());
    Some(why.unwrap_or(UnreadableTarget::NoPath))
}

/// The bytes that the library accepts in both paths and queries: those of RFC 3986 §3.3 and §3.4,
/// and some more.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0x21;
    while byte < 0x7F {
        plain[byte] = !matches!(byte, 0x22 | 0x23 | 0x3C | 0x3E | 0x60 | 0x7B | 0x7D);
        byte += 1;
    }
    plain
};

fn is_plain(byte: u8) -> bool {
    PLAIN[usize::from(byte)]
}

/// Why the library would refuse a target; `None` if it accepts it.
pub(super) fn unreadable(target: &[u8]) -> Option<UnreadableTarget> {
    let short = target.len() <= limits::REQUEST_TARGET_BYTES;
    if short && target.starts_with(b"/") && target.iter().copied().all(is_plain) {
        return None;
    }
    // The library's parser accepts neither spaces nor control characters. For all others, the form
    // of the URI decides.
    let is_accepted = |byte: &u8| byte.is_ascii_graphic() || !byte.is_ascii();
    let text = str::from_utf8(target).ok().filter(|_| target.iter().all(is_accepted));
    if text.is_some_and(|text| Uri::try_from(text).is_ok()) {
        return None;
    }
    // These are not plain, but need not be encoded either: the library ignores what follows a `#`,
    // and accepts braces.
    let encoded = |byte: u8| is_plain(byte) || matches!(byte, b'#' | b'{' | b'}');
    Some(match () {
        () if !short => UnreadableTarget::TooLong,
        () if target.iter().copied().all(encoded) => UnreadableTarget::NoPath,
        () => UnreadableTarget::Unencoded,
    })
}

/// The readable beginning of a target's path, which determines the format of the error response.
pub(super) fn readable_path(target: &[u8]) -> &[u8] {
    const LONGEST: usize = 1_000;
    // RFC 9112 §3.2.2: absolute-form has a scheme and an authority before the path.
    let start = if target.starts_with(b"/") {
        Some(0)
    } else {
        let authority = memchr::memmem::find(target, b"://").map(|at| at + 3);
        authority.and_then(|from| memchr::memchr(b'/', &target[from..]).map(|at| from + at))
    };
    let Some(path) = start.map(|start| &target[start..]) else { return b"/" };
    let end =
        path.iter().take(LONGEST).take_while(|byte| **byte != b'?' && is_plain(**byte)).count();
    &path[..end]
}
