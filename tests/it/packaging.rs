//! The examples and deployment files: each setting that they use exists.

use std::collections::BTreeSet;
use std::path::Path;

use intercom_scim_bridge::config::{Config, default_file, reference};
use simulator::{Options, Simulator};

use crate::support::bridge::{ENCRYPTION_KEY, dozen};
use crate::support::hand::TOKEN;
use crate::support::issuer::{IssuerServer, Pair};
use crate::support::shell::Shell;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn text(file: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap()
}

#[test]
fn every_example_of_settings_can_be_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let secrets = directory.path().join("secrets");
    std::fs::create_dir(&secrets).unwrap();
    for name in SECRETS {
        std::fs::write(secrets.join(name), "dG9rOmV4YW1wbGU=").unwrap();
    }
    let mut examples = 0;
    for file in std::fs::read_dir(Path::new(ROOT).join("config/examples")).unwrap() {
        let file = file.unwrap().path();
        let here = directory.path().join(file.file_name().unwrap());
        let settings = std::fs::read_to_string(&file)
            .unwrap()
            .replace("/run/secrets", secrets.to_str().unwrap());
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

/// The names of the secret files in the examples.
const SECRETS: [&str; 5] = ["emea", "emea-app", "apac", "apac-app", "us-app"];

/// Writes a secret file that only its owner can read, and returns its path.
fn secret(shell: &Shell, name: &str, value: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let file = shell.directory.path().join(name);
    std::fs::write(&file, value).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o400)).unwrap();
    file.display().to_string()
}

/// Asserts that `check` reports neither an error nor a warning.
fn assert_passes_check(shell: &Shell, arguments: &[&str], what: &str) {
    let ended = shell.run(&[&["check"], arguments].concat());
    let odd: Vec<&str> = ended.stdout.lines().filter(|line| !line.starts_with("ok ")).collect();
    assert!(
        ended.code == Some(0) && odd.is_empty() && ended.stderr.is_empty(),
        "{what}: {odd:?} {}",
        ended.stderr
    );
}

/// Makes a shell in which an example of settings can run: with its secrets and certificate, and
/// with the simulator in place of Intercom.
fn shell_for_example(file: &Path, simulator: &Simulator, issuer: &IssuerServer) -> Shell {
    let shell = Shell::new().set("BRIDGE_SERVER__BIND", "127.0.0.1:0");
    let here = shell.directory.path().display().to_string();
    for name in SECRETS {
        secret(&shell, name, TOKEN);
    }
    let certificate =
        rcgen::generate_simple_self_signed(vec!["bridge.example.com".to_owned()]).unwrap();
    secret(&shell, "tls.pem", &certificate.cert.pem());
    secret(&shell, "tls.key", &certificate.signing_key.serialize_pem());
    let token = secret(&shell, "token", TOKEN);
    let mut settings = std::fs::read_to_string(file).unwrap();
    for (place, instead) in [
        ("/run/secrets", here.as_str()),
        ("/etc/intercom-scim-bridge", here.as_str()),
        ("/var/lib/intercom-scim-bridge", here.as_str()),
        ("https://login.example.com/oauth2/v1/keys", issuer.url.as_str()),
    ] {
        settings = settings.replace(place, instead);
    }
    // The simulator stands in for all regions.
    let base_url = format!("base_url = \"{}\"", simulator.base_url());
    for region in ["eu", "au", "us"] {
        settings = settings.replace(&format!("region = \"{region}\""), &base_url);
    }
    secret(&shell, "bridge.toml", &settings);
    let several = file.ends_with("several-workspaces.toml");
    let shell = if several { shell } else { shell.set("INTERCOM_ACCESS_TOKEN_FILE", token) };
    if settings.contains("base_url") {
        shell
    } else {
        shell.set("INTERCOM_BASE_URL", simulator.base_url())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_settings_passes_the_check_without_a_warning() {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    let issuer = IssuerServer::start(vec![Pair::rsa("signs").jwk()]);
    for file in std::fs::read_dir(Path::new(ROOT).join("config/examples")).unwrap() {
        let file = file.unwrap().path();
        let shell = shell_for_example(&file, &simulator, &issuer);
        assert_passes_check(&shell, &["--config", "bridge.toml"], &file.display().to_string());
    }
    issuer.stop().await;
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_of_each_deployment_passes_the_check_without_a_warning() {
    let simulator = Simulator::start(dozen(), Options::default()).unwrap();
    for (what, file, bind) in [
        ("compose", "compose.yaml", "0.0.0.0:8080"),
        ("kubernetes", "config/kubernetes/base/deployment.yaml", "0.0.0.0:8080"),
        ("systemd", "config/systemd/intercom-scim-bridge.service", "127.0.0.1:8080"),
    ] {
        let mut shell = Shell::new()
            .set("INTERCOM_BASE_URL", simulator.base_url())
            .set("BRIDGE_SERVER__BIND", bind);
        for name in variables(&text(file)) {
            let value = match name.as_str() {
                "BRIDGE_SERVER__PUBLIC_URL" if what == "compose" => {
                    "http://127.0.0.1:8080".to_owned()
                }
                "BRIDGE_SERVER__PUBLIC_URL" => "https://bridge.example.com".to_owned(),
                "BRIDGE_SERVER__OPS_BIND" => "0.0.0.0:9090".to_owned(),
                "BRIDGE_SERVER__TRUSTED_PROXIES" => "10.0.0.0/8".to_owned(),
                "BRIDGE_TELEMETRY__LOG_FORMAT" => "json".to_owned(),
                "INTERCOM_REGION" => "us".to_owned(),
                // The test has no PostgreSQL here.
                "DATABASE_URL_FILE" => {
                    secret(&shell, "database_url", "sqlite://bridge.db?mode=rwc")
                }
                "INTERCOM_ACCESS_TOKEN_FILE" => secret(&shell, "token", TOKEN),
                "BRIDGE_ACCESS__ENCRYPTION_KEY_FILE" => {
                    secret(&shell, "encryption_key", ENCRYPTION_KEY)
                }
                other => panic!("{file} sets {other}"),
            };
            shell = shell.set(&name, value);
        }
        assert_passes_check(&shell, &[], what);
    }
    simulator.stop().await;
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let unit = text("config/systemd/intercom-scim-bridge.service");
    let command = "/usr/local/bin/intercom-scim-bridge";
    assert!(unit.contains(&format!("ExecStart={command} serve")));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("intercom-scim-bridge.service");
    // The unit names the installed command. The test's own binary takes its place.
    std::fs::write(&file, unit.replace(command, env!("CARGO_BIN_EXE_intercom-scim-bridge")))
        .unwrap();
    let Ok(output) =
        std::process::Command::new("systemd-analyze").arg("verify").arg(&file).output()
    else {
        eprintln!("skipped: there is no systemd-analyze here");
        return;
    };
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    // systemd-analyze also reports other units of the machine. They do not count.
    let ours: Vec<&str> =
        said.lines().filter(|line| line.contains("intercom-scim-bridge")).collect();
    assert!(ours.is_empty(), "{said}");
}

#[test]
fn alerts_lead_to_an_address_and_a_hold_raises_one() {
    let alerts = text("config/grafana/alerts.yaml");
    let count =
        |word: &str| alerts.lines().filter(|line| line.trim_start().starts_with(word)).count();
    assert!(
        count("- alert:") >= 8 && count("- alert:") == count("runbook_url: https://"),
        "each has its runbook"
    );
    assert_eq!(count("runbook:"), 0);
    let expression = |alert: &str| {
        let rest = alerts.split(&format!("- alert: {alert}\n")).nth(1).unwrap();
        rest.lines().find_map(|line| line.trim().strip_prefix("expr: ")).unwrap().to_owned()
    };
    assert_eq!(expression("BridgeImportHeld"), "max by (job, workspace) (bridge_import_held) == 1");
    assert!(
        expression("BridgeDisconnected").contains(
            "unless on (job, workspace) max by (job, workspace) (bridge_import_held) == 1"
        )
    );
    assert!(
        expression("BridgeDataOld")
            .contains("and on (job, workspace) min by (job, workspace) (bridge_connected) == 1")
    );
    // The runbook has codes that exist.
    let operations = text("docs/operations.md");
    assert!(operations.contains("| `too_many_removals` |") && !operations.contains("| `held` |"));
}

/// Returns the names of the variables that a file sets.
fn variables(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let ours = |word: &&str| {
        word.starts_with("BRIDGE_")
            || word.starts_with("INTERCOM_")
            || word.starts_with("DATABASE_URL")
    };
    words.filter(ours).map(str::to_owned).collect()
}

/// `cargo run` passes on the variables of the build script, and the bridge refuses variables that
/// look like unknown settings.
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
fn every_variable_that_a_deployment_sets_is_a_setting() {
    let directory = tempfile::tempdir().unwrap();
    for file in [
        "Dockerfile",
        "compose.yaml",
        "config/systemd/intercom-scim-bridge.service",
        "config/kubernetes/base/deployment.yaml",
        "config/kubernetes/overlays/postgresql/deployment.yaml",
        "config/kubernetes/overlays/sqlite/deployment.yaml",
    ] {
        let names = variables(&text(file));
        assert!(!names.is_empty(), "{file}");
        let set = names.into_iter().map(|name| {
            let value = match name.as_str() {
                "BRIDGE_SERVER__BIND" => "0.0.0.0:8080",
                "BRIDGE_SERVER__PUBLIC_URL" => "https://bridge.example.com",
                "BRIDGE_SERVER__OPS_BIND" => "0.0.0.0:9090",
                "BRIDGE_SERVER__TRUSTED_PROXIES" => "10.0.0.0/8",
                "BRIDGE_TELEMETRY__LOG_FORMAT" => "json",
                "INTERCOM_REGION" => "us",
                "DATABASE_URL" => "sqlite:///var/lib/intercom-scim-bridge/bridge.db?mode=rwc",
                secret => {
                    let value = match secret {
                        "DATABASE_URL_FILE" => "postgres://bridge:pw@postgres/bridge",
                        "INTERCOM_ACCESS_TOKEN_FILE" => "dG9rOmV4YW1wbGU=",
                        "BRIDGE_ACCESS__ENCRYPTION_KEY_FILE" => {
                            "dGVzdHMtc2VhbC13aXRoLXRoaXMtdGVzdC1rZXktMzI="
                        }
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
    let docker = text("Dockerfile");
    let compose = text("compose.yaml");
    let kubernetes = text("config/kubernetes/base/deployment.yaml")
        + &text("config/kubernetes/overlays/postgresql/deployment.yaml");
    assert!(
        docker.contains("USER 10001")
            && docker.contains("HEALTHCHECK")
            && docker.contains("--locked")
    );
    for setting in [
        "runAsNonRoot: true",
        "readOnlyRootFilesystem: true",
        "replicas: 2",
        "path: /readyz",
        "imagePullPolicy: ",
    ] {
        assert!(kubernetes.contains(setting), "{setting}");
    }
    assert!(compose.contains("read_only: true") && compose.contains("no-new-privileges"));
    // Neither images nor the repository contain secrets or databases.
    for ignored in ["secrets/", "*.key", "*.db"] {
        for file in [".dockerignore", ".gitignore"] {
            assert!(
                text(file).lines().any(|line| line.trim_start_matches('/') == ignored),
                "{file}: {ignored}"
            );
        }
    }
    // All files use the port of the image.
    for file in [&docker, &kubernetes, &compose] {
        assert!(file.contains("8080"));
    }
}

#[test]
fn the_reference_of_settings_is_the_one_that_the_code_makes() {
    let remedy = "write it again with `cargo test --test it -- --ignored reference`";
    assert!(text("docs/configuration.md") == reference(), "docs/configuration.md: {remedy}");
    assert!(text("config/default.toml") == default_file(), "config/default.toml: {remedy}");
}

#[test]
#[ignore = "writes docs/configuration.md and config/default.toml"]
fn the_reference_is_written_again() {
    std::fs::write(Path::new(ROOT).join("docs/configuration.md"), reference()).unwrap();
    std::fs::write(Path::new(ROOT).join("config/default.toml"), default_file()).unwrap();
}

/// Links of the documentation that lead into the project.
#[test]
fn links_of_the_docs_lead_somewhere() {
    let mut open = vec![Path::new(ROOT).join("docs")];
    let mut pages =
        vec![Path::new(ROOT).join("README.md"), Path::new(ROOT).join("CONTRIBUTING.md")];
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
