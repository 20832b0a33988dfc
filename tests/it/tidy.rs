//! Rules of this repository that the compiler does not check.

mod circles;

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder of the repository whose names end so, sorted.
pub fn files(under: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(under)];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<(PathBuf, String)> {
    ["src", "migrations/src", "simulator/src", "tests"]
        .into_iter()
        .flat_map(|directory| files(directory, ".rs"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect()
}

/// The modules that every other module may import.
const FREE: [&str; 9] = [
    "base_urls",
    "clock",
    "date_time",
    "limits",
    "measures",
    "moments",
    "spans",
    "words",
    "VERSION",
];

/// The modules that each module may import besides [`FREE`]. `app` joins them all.
const IMPORTS: &[(&str, &[&str])] = &[
    ("directory", &[]),
    ("activity", &["directory"]),
    ("base_urls", &["directory"]),
    ("clock", &[]),
    ("date_time", &[]),
    ("limits", &[]),
    ("measures", &[]),
    ("moments", &[]),
    ("spans", &[]),
    ("words", &[]),
    ("console", &[]),
    ("reviews", &["directory"]),
    ("requests", &["directory"]),
    ("scim", &["directory"]),
    ("roster", &["directory"]),
    ("tabular", &["directory", "activity", "roster"]),
    ("posture", &["directory", "roster", "tabular"]),
    ("notifications", &["directory", "activity", "tabular", "posture"]),
    ("saviynt", &["directory"]),
    ("intercom", &["directory", "activity"]),
    ("database", &[]),
    ("ledger", &["directory", "activity", "requests", "database"]),
    (
        "stores",
        &[
            "directory",
            "activity",
            "requests",
            "reviews",
            "roster",
            "notifications",
            "console",
            "database",
            "ledger",
        ],
    ),
    ("delivery", &["directory", "activity", "notifications", "posture", "ledger", "stores"]),
    ("identities", &["directory", "roster", "tabular", "database", "ledger", "stores"]),
    ("access", &["directory", "console", "database", "stores"]),
    ("import", &["directory", "activity", "intercom", "database", "ledger"]),
    ("publish", &["directory", "requests", "ledger", "stores", "scim"]),
    ("runtime", &["access", "identities", "import", "publish"]),
    (
        "assessment",
        &["directory", "intercom", "database", "ledger", "stores", "posture", "identities"],
    ),
    (
        "config",
        &[
            "directory",
            "activity",
            "intercom",
            "access",
            "roster",
            "console",
            "posture",
            "notifications",
        ],
    ),
    ("telemetry", &["config"]),
    (
        "http",
        &[
            "directory",
            "activity",
            "requests",
            "scim",
            "tabular",
            "posture",
            "reviews",
            "roster",
            "console",
            "identities",
            "database",
            "ledger",
            "stores",
            "import",
            "publish",
            "access",
            "runtime",
            "assessment",
            "notifications",
        ],
    ),
    (
        "app",
        &[
            "directory",
            "console",
            "intercom",
            "roster",
            "identities",
            "database",
            "ledger",
            "stores",
            "import",
            "publish",
            "scim",
            "access",
            "runtime",
            "http",
            "config",
            "posture",
            "assessment",
            "notifications",
            "delivery",
        ],
    ),
];

#[test]
fn imports_point_one_way() {
    for (module, allowed) in IMPORTS {
        let folder = root().join("src").join(module);
        let files = if folder.is_dir() {
            files(&format!("src/{module}"), ".rs")
        } else {
            vec![folder.with_extension("rs")]
        };
        for file in files {
            for line in fs::read_to_string(&file).unwrap().lines() {
                for (_, rest) in
                    line.match_indices("crate::").map(|(at, found)| line.split_at(at + found.len()))
                {
                    let imported: String = rest
                        .chars()
                        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                        .collect();
                    let fine = imported == *module
                        || FREE.contains(&imported.as_str())
                        || allowed.contains(&imported.as_str());
                    assert!(fine, "{}: `{module}` must not import `{imported}`", file.display());
                }
            }
        }
    }
}

#[test]
fn each_heavy_library_has_one_room() {
    for (library, rooms) in [
        ("actix_web", &["src/http", "src/app"][..]),
        ("actix_http", &["src/http"]),
        ("actix_tls", &["src/http/server.rs"]),
        ("sea_orm", &["src/database", "src/ledger", "src/stores"]),
        ("sqlx::", &["src/database", "src/ledger"]),
        ("jsonwebtoken", &["src/access"]),
        ("argon2", &["src/access"]),
        ("rustls::", &["src/http/connection/tls.rs"]),
        (
            "reqwest",
            &[
                "src/intercom",
                "src/identities/pull",
                "src/delivery",
                "src/access/published_keys.rs",
                "src/access/open_id",
                "src/config",
                "src/app",
            ],
        ),
        ("clap", &["src/commands", "src/main.rs"]),
        ("figment", &["src/config"]),
        ("unicode_normalization", &["src/directory", "src/roster"]),
        ("idna", &["src/roster/address.rs"]),
        ("encoding_rs", &["src/roster/encoding.rs"]),
        ("jiff", &["src/moments.rs"]),
        ("prometheus_client", &["src/measures"]),
        ("utoipa", &["src/http"]),
        ("opentelemetry", &["src/spans.rs", "src/telemetry.rs"]),
    ] {
        for file in files("src", ".rs") {
            let text = fs::read_to_string(&file).unwrap();
            let uses = text.lines().any(|line| {
                let code = line.trim_start();
                !code.starts_with("//")
                    && (code.contains(&format!("{library}::"))
                        || code.contains(&format!("use {library}")))
            });
            let at_home = rooms.iter().any(|room| file.starts_with(root().join(room)));
            assert!(!uses || at_home, "{} uses {library}", file.display());
        }
    }
}

#[test]
fn every_file_opens_with_what_it_is() {
    for (path, text) in sources() {
        let is_unit_test = path.file_name().is_some_and(|name| name == "tests.rs");
        assert!(
            text.starts_with("//!") || is_unit_test,
            "{} does not open with `//!`",
            path.display()
        );
    }
}

#[test]
fn no_file_is_dead() {
    for (path, _) in sources() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if ["main", "lib", "mod"].contains(&name.as_str()) {
            continue;
        }
        let folder = path.parent().unwrap();
        let parents = [
            folder.join("mod.rs"),
            folder.join("lib.rs"),
            folder.join("main.rs"),
            folder.with_extension("rs"),
        ];
        let declared =
            parents.iter().filter_map(|parent| fs::read_to_string(parent).ok()).any(|text| {
                text.lines().any(|line| {
                    let line =
                        line.trim().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
                    line == format!("mod {name};")
                })
            });
        assert!(declared, "{} is declared by no `mod` line", path.display());
    }
}

#[test]
fn files_stay_readable() {
    for (path, text) in sources() {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default().lines().count();
        assert!(code <= 500, "{} has {code} lines of code", path.display());
    }
}

#[test]
fn names_of_tests_are_sentences_and_names_of_files_say_what_they_are() {
    for (path, text) in sources() {
        assert!(!text.contains(concat!("fn ", "test_")), "{}", path.display());
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            !["utils", "util", "helpers", "helper", "manager", "common", "misc"]
                .contains(&name.as_str()),
            "{}",
            path.display()
        );
    }
}

/// A test that polls without a pause takes processor time from what it waits for.
#[test]
fn tests_pause_in_one_place_and_never_spin() {
    for path in files("tests/it", ".rs") {
        let text = fs::read_to_string(&path).unwrap();
        let may_pause = path.ends_with("support/waiting.rs");
        for word in [concat!("::sle", "ep("), concat!("yield_", "now("), concat!("spin_", "loop(")]
        {
            assert!(
                may_pause || !text.contains(word),
                "{} contains {word}; wait with `support::waiting`",
                path.display()
            );
        }
    }
}

#[test]
fn nothing_is_left_open() {
    for (path, text) in sources() {
        for word in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")] {
            assert!(!text.contains(word), "{} holds {word}", path.display());
        }
    }
}
