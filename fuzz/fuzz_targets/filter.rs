//! Parses any text as a filter. The parser must not panic, and a parsed filter must print to a text
//! that parses to the same expression.
#![no_main]

use intercom_scim_bridge::scim::filter::parse;

libfuzzer_sys::fuzz_target!(|filter: &str| {
    if let Ok(expression) = parse(filter) {
        assert_eq!(parse(&expression.to_string()), Ok(expression));
    }
});
