//! The examples and the ways of running it: what they set is what there is.

use std::collections::BTreeSet;
use std::path::Path;

use intercom_scim_bridge::config::{Config, reference};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn text(file: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap()
}

#[test]
fn every_example_of_settings_can_be_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let secrets = directory.path().join("secrets");
    std::fs::create_dir(&secrets).unwrap();
    for name in ["emea", "apac", "us-app"] {
        std::fs::write(secrets.join(name), "dG9rOmV4YW1wbGU=").unwrap();
    }
    let mut examples = 0;
    for file in std::fs::read_dir(Path::new(ROOT).join("config/examples")).unwrap() {
        let file = file.unwrap().path();
        let here = directory.path().join(file.file_name().unwrap());
        let settings = std::fs::read_to_string(&file).unwrap().replace("/run/secrets", secrets.to_str().unwrap());
        std::fs::write(&here, settings).unwrap();
        let several = file.ends_with("several-workspaces.toml");
        let token = ("INTERCOM_ACCESS_TOKEN".to_owned(), "dG9rOmV4YW1wbGU=".to_owned());
        let config = Config::load(Some(&here), std::iter::once(token).filter(|_| !several));
        let config = config.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(config.workspaces().len(), if several { 3 } else { 1 });
        examples += 1;
    }
    assert_eq!(examples, 3);
}

/// Names of variables that a file sets.
fn variables(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let ours =
        |word: &&str| word.starts_with("BRIDGE_") || word.starts_with("INTERCOM_") || word.starts_with("DATABASE_URL");
    words.filter(ours).map(str::to_owned).collect()
}

/// `cargo run` hands on what the build script sets, and the bridge refuses variables that look like settings and are none.
#[test]
fn the_build_sets_no_variable_that_looks_like_a_setting() {
    let script = text("build.rs");
    let set: Vec<&str> = script.split("cargo:rustc-env=").skip(1).collect();
    assert!(!set.is_empty());
    for name in set {
        assert!(!name.starts_with("BRIDGE_"), "cargo:rustc-env={name}");
    }
}

#[test]
fn every_variable_that_a_way_of_running_sets_is_one_of_the_bridges() {
    let directory = tempfile::tempdir().unwrap();
    for file in
        ["Dockerfile", "compose.yaml", "config/systemd/intercom-scim-bridge.service", "config/kubernetes/bridge.yaml"]
    {
        let names = variables(&text(file));
        assert!(names.len() >= 2, "{file}: {names:?}");
        let set = names.into_iter().map(|name| {
            let value = match name.as_str() {
                "BRIDGE_SERVER__BIND" => "0.0.0.0:8080",
                "BRIDGE_SERVER__PUBLIC_URL" => "https://bridge.example.com",
                "BRIDGE_SERVER__TRUSTED_PROXIES" => "10.0.0.0/8",
                "BRIDGE_TELEMETRY__LOG_FORMAT" => "json",
                "INTERCOM_REGION" => "us",
                secret => {
                    let value = match secret {
                        "DATABASE_URL_FILE" => "postgres://bridge:pw@postgres/bridge",
                        "INTERCOM_ACCESS_TOKEN_FILE" => "dG9rOmV4YW1wbGU=",
                        "BRIDGE_ACCESS__ENCRYPTION_KEY_FILE" => "dGVzdHMtc2VhbC13aXRoLXRoaXMtdGVzdC1rZXktMzI=",
                        other => panic!("{file} sets {other}"),
                    };
                    let path = directory.path().join(secret);
                    std::fs::write(&path, value).unwrap();
                    return (name, path.display().to_string());
                }
            };
            (name, value.to_owned())
        });
        Config::load(None, set).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
}

#[test]
fn containers_run_as_nobody_and_write_nowhere_else() {
    let (docker, kubernetes, compose) =
        (text("Dockerfile"), text("config/kubernetes/bridge.yaml"), text("compose.yaml"));
    assert!(docker.contains("USER 10001") && docker.contains("HEALTHCHECK") && docker.contains("--locked"));
    for setting in ["runAsNonRoot: true", "readOnlyRootFilesystem: true", "replicas: 2", "path: /readyz"] {
        assert!(kubernetes.contains(setting), "{setting}");
    }
    assert!(compose.contains("read_only: true") && compose.contains("no-new-privileges"));
    // What is secret or of this machine gets into no image and no repository.
    for ignored in ["secrets/", "*.key", "*.db"] {
        for file in [".dockerignore", ".gitignore"] {
            assert!(text(file).lines().any(|line| line.trim_start_matches('/') == ignored), "{file}: {ignored}");
        }
    }
    // The port of the image is the one that all speak of.
    for file in [&docker, &kubernetes, &compose] {
        assert!(file.contains("8080"));
    }
}

#[test]
fn the_reference_of_settings_is_the_one_that_the_code_makes() {
    assert!(
        text("docs/configuration.md") == reference(),
        "write it anew with `cargo test --test it -- --ignored reference`"
    );
}

#[test]
#[ignore = "writes docs/configuration.md"]
fn the_reference_is_written_anew() {
    std::fs::write(Path::new(ROOT).join("docs/configuration.md"), reference()).unwrap();
}

/// Links of the documentation that lead into the project.
#[test]
fn links_of_the_docs_lead_somewhere() {
    let mut open = vec![Path::new(ROOT).join("docs")];
    let mut pages = vec![Path::new(ROOT).join("README.md"), Path::new(ROOT).join("CONTRIBUTING.md")];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    let mut links = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for target in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let file = target.split('#').next().unwrap();
            if !file.is_empty() && !file.contains("://") {
                assert!(page.parent().unwrap().join(file).exists(), "{}: {target}", page.display());
                links += 1;
            }
        }
    }
    assert!(links > 20, "{links}");
}
