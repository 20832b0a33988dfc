use secrecy::ExposeSecret;

use super::sections::settings;
use super::*;

fn connection(config: &Config) -> Result<Connection, ConfigError> {
    config.connection(&config.workspaces()[0])
}

fn load(environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(
        None,
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

/// A secret that signs notifications.
const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[test]
fn the_defaults_are_valid() {
    let config = Config::defaults().unwrap();
    assert_eq!(config.server.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(config.public_url(), "http://127.0.0.1:8080");
}

#[test]
fn every_setting_has_a_meaning_an_allowed_value_and_a_default_that_its_rule_accepts() {
    let defaults = defaults();
    let mut wrong = Vec::new();
    assert!(Config::read(&defaults, &mut wrong).is_some() && wrong.is_empty(), "{wrong:?}");
    let sections = defaults.extract::<Dict>().unwrap();
    for setting in settings() {
        assert!(setting.meaning().ends_with('.'), "{} has a meaning", setting.key);
        assert!(!setting.allowed.is_empty(), "{} has allowed values", setting.key);
        let section = setting.section();
        let is_read = match section.split_once('.') {
            Some((outer, inner)) => sections[outer].as_dict().unwrap().contains_key(inner),
            None => sections.contains_key(section),
        };
        assert!(section.ends_with("[]") || is_read, "{section} is read");
    }
    // The file that operators copy from means the same.
    let file = Figment::from(Toml::string(&default_file()));
    let json = |dict: &Dict| serde_json::to_value(dict).unwrap();
    assert_eq!(json(&file.extract::<Dict>().unwrap()), json(&sections));
    let commented = default_file();
    let lists = commented.split_once("# [[workspaces]]").unwrap().1;
    let lists: Vec<&str> = lists
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| !line.starts_with('#') && (line.contains(" = ") || line.starts_with('[')))
        .collect();
    let lists = format!("[[workspaces]]\n{}", lists.join("\n"))
        .replace("workspaces = [\"default\"]", "workspaces = [\"emea\"]")
        .replace("intercom\"\nsecret = \"\"", &format!("intercom\"\nsecret = {SIGNING:?}"));
    let loaded = from_file(&lists).unwrap();
    let counts = [loaded.workspaces().len(), loaded.issuers.len()];
    assert_eq!(counts, [1, 1], "the examples are valid");
    assert_eq!([loaded.notifications.len(), loaded.exceptions.len()], [1, 1]);
}

#[test]
fn short_variables_override_prefixed_ones_and_both_override_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bridge.toml");
    std::fs::write(&file, "[server]\nbind = \"127.0.0.1:1\"\n[scim]\nmax_results = 7\n").unwrap();
    let environment = [
        ("BRIDGE_SERVER__BIND", "127.0.0.1:2"),
        ("BRIDGE_DATABASE__URL", "sqlite://a"),
        ("DATABASE_URL", "sqlite://b"),
        ("BRIDGE_INTERCOM__API_VERSION", "2.10"),
        ("BRIDGE_IMPORT__MAX_REMOVALS", "25"),
        ("INTERCOM_REGION", "EU"),
    ];
    let environment =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let config = Config::load(Some(&file), environment).unwrap();
    assert_eq!(config.server.bind.port(), 2);
    assert_eq!(config.database.url.expose_secret(), "sqlite://b");
    assert_eq!(config.scim.max_results, 7);
    assert_eq!(config.intercom.api_version, "2.10");
    assert_eq!(config.import.max_removals, 25);
    assert_eq!(config.intercom.region, Some(Region::Eu));
}

#[test]
fn all_invalid_values_are_reported_together_with_their_sources() {
    let wrong = load(&[
        ("BRIDGE_SERVER__BIND", "everywhere"),
        ("DATABASE_URL", "mysql://root:sesame@db"),
        ("INTERCOM_REGION", "mars"),
        ("BRIDGE_IMPORT__MAX_REMOVALS", "200"),
        ("BRIDGE_IMPORT__POLL_INTERVAL", "often"),
        ("BRIDGE_SCIM__MAX_RESULTS", "0"),
        ("BRIDGE_SERVER__BINDING", "127.0.0.1:1"),
        ("BRIDGE_SERVER_BIND", "127.0.0.1:1"),
        ("BRIDGE_SERVER__BIND_FILE", "/nowhere"),
        ("BRIDGE_SERVER__PUBLIC_URL", "https://ada:sesame@bridge.example"),
        ("BRIDGE_INTERCOM__API_VERSION", "2\n16"),
        ("BRIDGE_SERVER__POLL_INTERVAL", "1m"),
    ]);
    let message = wrong.unwrap_err().to_string();
    assert!(!message.contains("sesame") && !message.contains("mars"), "no value is repeated");
    insta::assert_snapshot!(message);
}

#[test]
fn every_duration_has_a_range_and_some_can_be_off() {
    let variable = |key: &str| format!("BRIDGE_{}", key.to_uppercase().replace('.', "__"));
    for (key, least, most, can_be_off) in [
        ("import.poll_interval", "1s", "30d", true),
        ("import.full_interval", "1s", "365d", true),
        ("import.lease", "1s", "10m", false),
        ("server.drain", "1s", "5m", true),
        ("serve.max_age", "1s", "365d", true),
        ("serve.max_wait", "1s", "5m", false),
        ("access.token_ttl", "1s", "24h", false),
    ] {
        for fine in [least, most] {
            assert!(load(&[(&variable(key), fine)]).is_ok(), "{key} = {fine}");
        }
        let more = format!("{most} 1s");
        for wrong in [
            "0s",
            "999ms",
            &more,
            "9999y",
            "18446744073709551615s",
            "99999999999999999999y",
            "-5m",
            "5",
        ] {
            let error = load(&[(&variable(key), wrong)]).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("{key} (from environment variable ")),
                "{wrong}: {error}"
            );
            assert!(error.contains("a duration from 1s to "), "{error}");
        }
        for off in ["off", "Off", " OFF "] {
            assert_eq!(load(&[(&variable(key), off)]).is_ok(), can_be_off, "{key} = {off}");
        }
    }
    let off =
        load(&[("BRIDGE_IMPORT__POLL_INTERVAL", "off"), ("BRIDGE_SERVE__MAX_AGE", "off")]).unwrap();
    assert_eq!((off.import.poll_interval, off.serve.max_age), (None, None));
}

#[test]
fn a_secret_can_be_read_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "dG9rOg==\n").unwrap();
    let config = load(&[("INTERCOM_ACCESS_TOKEN_FILE", file.to_str().unwrap())]).unwrap();
    assert_eq!(connection(&config).unwrap().access_token.unwrap().expose_secret(), "dG9rOg==");
    assert!(!format!("{config:?}").contains("dG9rOg=="));
    let missing = load(&[("INTERCOM_ACCESS_TOKEN_FILE", "/nowhere/token")]).unwrap_err();
    assert!(missing.0[0].contains("INTERCOM_ACCESS_TOKEN_FILE"), "{missing}");
}

#[test]
fn a_settings_file_that_is_missing_or_not_toml_is_reported() {
    let missing =
        Config::load(Some(Path::new("/nowhere/bridge.toml")), std::iter::empty()).unwrap_err();
    assert!(missing.0[0].contains("/nowhere/bridge.toml"), "{missing}");
}

#[test]
fn api_versions_and_client_ids_must_have_the_form_of_intercoms() {
    for (version, read) in [
        ("2.0", "2.0"),
        ("2.18", "2.18"),
        (" 2.9 ", "2.9"),
        ("preview", "Preview"),
        ("Unstable", "Unstable"),
    ] {
        let config = load(&[("BRIDGE_INTERCOM__API_VERSION", version)]).unwrap();
        assert_eq!(config.intercom.api_version, read);
    }
    for version in
        ["2", "2.", "2.x", "v2.16", "1.4", "3.0", "2.160", "2.1.6", "latest", "2 16", "-"]
    {
        let wrong = load(&[("BRIDGE_INTERCOM__API_VERSION", version)]).unwrap_err();
        assert!(wrong.0[0].starts_with("intercom.api_version"), "{version}: {wrong}");
    }
    for id in ["f1c3a5c0-0000-4000-8000-3b1d6c8f9a20", "app_1.x"] {
        assert_eq!(
            load(&[("INTERCOM_CLIENT_ID", id)]).unwrap().intercom.client_id.as_deref(),
            Some(id)
        );
    }
    for id in ["<client id>", "a b", "id?x=1", "…", &"x".repeat(200)] {
        let wrong = load(&[("INTERCOM_CLIENT_ID", id)]).unwrap_err();
        assert!(wrong.0[0].starts_with("intercom.client_id"), "{id}: {wrong}");
    }
    for key in ["nonsense", "dG9vIHNob3J0", "ключ"] {
        let wrong = load(&[("BRIDGE_ACCESS__ENCRYPTION_KEY", key)]).unwrap_err();
        assert!(wrong.0[0].starts_with("access.encryption_key"), "{key}: {wrong}");
    }
}

#[test]
fn a_log_filter_is_a_level_or_modules_with_levels() {
    for filter in [
        "",
        "info",
        "DEBUG",
        "off",
        "3",
        "info,sqlx=warn",
        "intercom_scim_bridge",
        "warn,intercom_scim_bridge::http=trace",
    ] {
        assert_eq!(wrong_log_filter(filter), None, "{filter}");
        assert!(load(&[("BRIDGE_TELEMETRY__LOG_LEVEL", filter)]).is_ok(), "{filter}");
    }
    for filter in ["verbose", "info,debgu", "info=", "sqlx=loud", "=info", "[", "everything please"]
    {
        assert!(wrong_log_filter(filter).is_some(), "{filter}");
        let error = load(&[("BRIDGE_TELEMETRY__LOG_LEVEL", filter)]).unwrap_err().to_string();
        assert!(error.starts_with("telemetry.log_level"), "{error}");
    }
}

#[test]
fn a_misspelt_key_gets_a_suggestion_and_an_unrelated_one_does_not() {
    let said = |key: &str| load(&[(key, "x")]).unwrap_err().to_string();
    for (variable, meant) in [
        ("BRIDGE_IMPORT__POLL_INTERVALL", "import.poll_interval"),
        ("BRIDGE_SEVER__BIND", "server.bind"),
        ("BRIDGE_SCIM__POLL_INTERVAL", "import.poll_interval"),
        ("BRIDGE_ACCESS__TOKEN_TLT", "access.token_ttl"),
        ("BRIDGE_SERVER_PUBLIC_URL", "BRIDGE_SERVER__PUBLIC_URL"),
    ] {
        assert!(said(variable).contains(&format!("did you mean {meant}?")), "{}", said(variable));
    }
    assert!(
        !said("BRIDGE_SERVER__WATERMELON").contains("did you mean"),
        "{}",
        said("BRIDGE_SERVER__WATERMELON")
    );
    let close = load(&[("INTERCOM_ACESS_TOKEN", "x"), ("INTERCOM_WEATHER", "y")]).unwrap();
    assert_eq!(close.warnings.len(), 1, "{:?}", close.warnings);
}

#[test]
fn the_region_is_checked_unless_only_an_address_is_given() {
    let token = ("INTERCOM_ACCESS_TOKEN", "t");
    assert!(connection(&load(&[]).unwrap()).is_err());
    assert_eq!(connection(&load(&[token]).unwrap()).unwrap().region, Some(Region::Us));
    let own =
        connection(&load(&[token, ("INTERCOM_BASE_URL", "http://127.0.0.1:9")]).unwrap()).unwrap();
    assert_eq!((own.region, own.base_url.as_str()), (None, "http://127.0.0.1:9/"));
}

fn from_file(text: &str) -> Result<Config, ConfigError> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bridge.toml");
    std::fs::write(&file, text).unwrap();
    let loaded = Config::load(Some(&file), std::iter::empty());
    // Figment names the file by the shorter of its absolute and its relative path.
    let folder = directory.path().file_name().unwrap().to_str().unwrap().to_owned();
    let without_folder = |finding: String| match finding.split_once("(from ") {
        Some((head, rest)) if rest.contains(&folder) => {
            let tail = rest.split_once(&folder).unwrap().1;
            format!("{head}(from {tail}")
        }
        _ => finding,
    };
    loaded
        .map_err(|ConfigError(wrong)| ConfigError(wrong.into_iter().map(without_folder).collect()))
}

#[test]
fn workspaces_inherit_from_section_intercom_except_for_the_token() {
    let listed = r#"
        [intercom]
        region = "eu"
        client_id = "app"
        client_secret = "sesame"
        [[workspaces]]
        name = "emea"
        access_token = "a"
        [[workspaces]]
        name = "us-sales"
        region = "us"
        client_id = "other"
    "#;
    let config = from_file(listed).unwrap();
    let all = config.workspaces();
    let seen = all
        .iter()
        .map(|one| (one.name.as_str(), one.region.unwrap(), one.client_id.as_deref().unwrap()));
    assert_eq!(
        seen.collect::<Vec<_>>(),
        [("emea", Region::Eu, "app"), ("us-sales", Region::Us, "other")]
    );
    assert!(
        all[0].access_token.is_some() && all[1].access_token.is_none() && all[1].can_be_connected()
    );
    assert!(all.iter().all(|one| config.connection(one).is_ok()));
    assert!(!format!("{config:?}").contains("sesame"));
    let with_default =
        from_file(&listed.replace("client_id = \"app\"", "access_token = \"d\"")).unwrap();
    assert_eq!(with_default.workspaces()[0].name, "default");
}

#[test]
fn issuers_have_defaults() {
    let config = from_file(
        r#"
        [[access.issuers]]
        issuer = "https://login.example/"
        jwks_url = "https://login.example/keys"
        audience = "bridge"
        [access.issuers.scopes]
        auditor = "scim.read import.read"
        [[access.issuers]]
        issuer = "https://other.example/"
        jwks_url = "http://127.0.0.1:9/keys"
        audience = ["a", "b"]
        algorithms = ["ES256"]
        leeway = "5s"
    "#,
    )
    .unwrap();
    let [first, second] = &config.issuers[..] else { panic!("two") };
    assert_eq!(
        (first.algorithms.len(), first.leeway, first.scope_claim.as_str()),
        (3, Duration::from_secs(30), "scope")
    );
    assert_eq!(first.scopes["auditor"].len(), 2);
    assert_eq!((second.audience.len(), second.algorithms.len(), second.scopes.len()), (2, 1, 0));
}

#[test]
fn all_wrong_values_of_lists_are_found_too() {
    let wrong = from_file(
        r#"
        [server]
        tls_cert = "cert.pem"
        trusted_proxies = ["everybody"]
        [access]
        token_ttl = "2d"
        [[workspaces]]
        name = "EMEA"
        region = "mars"
        token = "sesame"
        [[workspaces]]
        name = "a"
        access_token = "x"
        access_token_file = "/nowhere"
        client_secret_file = "/nowhere"
        [[workspaces]]
        name = "a"
        [[workspaces]]
        region = "us"
        [[access.issuers]]
        issuer = "https://login.example/"
        jwks_url = "http://login.example/keys"
        algorithms = ["HS256"]
        leeway = "1h"
        workspaces = ["b"]
        [access.issuers.scopes]
        auditor = "scim.raed"
    "#,
    );
    let message = wrong.unwrap_err().to_string();
    assert!(!message.contains("sesame"));
    insta::assert_snapshot!(message);
}

#[test]
fn a_section_that_is_not_a_table_hides_no_other_finding() {
    let wrong = from_file(
        "server = 3\n[[workspaces]]\nname = \"a\"\nacess_token = \"x\"\n[scim]\nmax_results = 0\n",
    );
    let message = wrong.unwrap_err().to_string();
    for expected in [
        "must be a section with keys, [server]",
        "workspaces[1].acess_token is not a setting of this bridge; did you mean workspaces.access_token?",
        "scim.max_results",
    ] {
        assert!(message.contains(expected), "{expected}: {message}");
    }
}

#[test]
fn a_secret_in_a_file_that_others_can_read_causes_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "dG9rOg==\n").unwrap();
    for (mode, warned) in [(0o600, 0), (0o440, 1), (0o400, 0), (0o644, 1), (0o660, 1)] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let config = load(&[("INTERCOM_ACCESS_TOKEN_FILE", file.to_str().unwrap())]).unwrap();
        assert_eq!(config.warnings.len(), warned, "{mode:o}");
        assert!(config.warnings.iter().all(|warning| warning.contains("chmod 600")));
    }
}

#[test]
fn an_endpoint_of_notifications_has_defaults() {
    let text = format!(
        "[[notifications]]\nname = \"siem\"\nurl = \"https://hooks.example/x?sig=1\"\n\
         secret = {SIGNING:?}\nseverities = [\"high\"]\nformat = \"ocsf\"\n"
    );
    let config = from_file(&text).unwrap();
    let endpoint = &config.notifications[0];
    assert_eq!((endpoint.workspace.as_str(), endpoint.timeout.as_secs()), ("default", 20));
    let filter = &endpoint.filter;
    let sources = (filter.activity, filter.changes, filter.posture);
    assert_eq!((sources, endpoint.allows_private), ((true, false, false), false));
    // A change of an endpoint is noticed when the settings are read again.
    let other = from_file(&text.replace("high", "low")).unwrap();
    assert_eq!(config.fingerprint.changed(&other.fingerprint), ["notifications"]);
}

#[test]
fn a_type_of_log_entries_that_an_endpoint_never_gets_causes_a_warning() {
    let warnings = |types: &str, rest: &str| {
        let text = format!(
            "[[notifications]]\nname = \"siem\"\nurl = \"https://hooks.example/x\"\n\
             secret = {SIGNING:?}\ntypes = [{types}]\n{rest}"
        );
        from_file(&text).unwrap().warnings
    };
    let all = "[activity]\ntypes = \"all\"\n";
    let few = "[activity]\ntypes = [\"bulk_export\"]\n";
    for (types, rest, expected) in [
        ("\"bulk_export\"", "", None),
        ("\"bulk_export\", \"admin_login_success\"", few, None),
        ("\"bulk_exprt\"", "", Some("check the spelling")),
        ("\"bulk_exprt\"", all, Some("check the spelling")),
        ("\"admin_login_failure\"", few, Some("activity.types")),
        ("\"bulk_export\"", "activity = false\nchanges = true\n", Some("no effect")),
    ] {
        let found: Vec<String> = warnings(types, rest)
            .into_iter()
            .filter(|warning| warning.contains("[[notifications]]"))
            .collect();
        assert_eq!(found.len(), usize::from(expected.is_some()), "{types} {rest}: {found:?}");
        let fits = found.iter().all(|warning| warning.contains(expected.unwrap_or_default()));
        assert!(fits, "{types} {rest}: {found:?}");
    }
}

#[test]
fn wrong_endpoints_and_exceptions_are_found() {
    let wrong = from_file(
        r#"
        [[notifications]]
        name = "plain"
        url = "http://hooks.example/hook"
        secret = "whsec_bm90aWZpY2F0aW9ucy1vZi10aGUtdGVzdHM="
        workspace = "elsewhere"
        [[notifications]]
        name = "silent"
        url = "https://hooks.example/hook"
        activity = false
        [[notifications]]
        name = "odd"
        url = "ftp://user:sesame@hooks.example"
        secret = "sesame"
        severities = ["worst"]
        format = "xml"
        [[posture.exceptions]]
        check = "IC-ACC-99"
        subject = ""
        reason_code = "because"
        until = "soon"
    "#,
    );
    let message = wrong.unwrap_err().to_string();
    assert!(!message.contains("sesame") && !message.contains("hooks.example/hook"), "{message}");
    insta::assert_snapshot!(message);
}
