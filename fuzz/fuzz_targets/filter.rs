//! Any text as a filter: reading it never panics, and what was read prints to something that reads
//! the same.
#![no_main]

use intercom_scim_bridge::scim::filter::parse;

libfuzzer_sys::fuzz_target!(|filter: &str| {
    if let Ok(expression) = parse(filter) {
        assert_eq!(parse(&expression.to_string()), Ok(expression));
    }
});
