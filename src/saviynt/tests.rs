use serde_json::Value;
use time::macros::datetime;

use super::*;

fn bridge() -> Bridge {
    Bridge {
        base_url: "https://bridge.example.com".to_owned(),
        workspace: "default".to_owned(),
        largest_page: 1000,
        cursor_pagination: true,
        rate: Some(Rate { per_second: 1000, burst: 2500 }),
        account_threshold: 25,
        team_threshold: 5,
    }
}

fn files(bridge: &Bridge, style: Style) -> Vec<File> {
    package(bridge, style, datetime!(2026-03-01 12:30:05 UTC)).unwrap()
}

fn text(bridge: &Bridge, style: Style, name: &str) -> String {
    let file = files(bridge, style).into_iter().find(|file| file.name == name).unwrap();
    String::from_utf8(file.contents).unwrap()
}

#[test]
fn every_file_is_json_and_nothing_is_left_to_fill_in_but_credentials() {
    let plain =
        Bridge { cursor_pagination: false, rate: None, workspace: "emea".to_owned(), ..bridge() };
    for (bridge, style) in [
        (bridge(), Style::Scim),
        (bridge(), Style::Flat),
        (plain.clone(), Style::Scim),
        (plain, Style::Flat),
    ] {
        for file in files(&bridge, style) {
            let extension = file.name.rsplit('.').next().unwrap();
            if extension == "zip" {
                continue;
            }
            let text = String::from_utf8(file.contents).unwrap();
            if extension == "json" {
                serde_json::from_str::<Value>(&text)
                    .unwrap_or_else(|error| panic!("{}: {error}\n{text}", file.name));
            }
            let left = ["CLIENT_ID", "CLIENT_SECRET", "ACCESS_TOKEN"]
                .iter()
                .fold(text, |text, name| text.replace(&format!("@@{name}@@"), ""));
            assert!(!left.contains("@@"), "{}: {left}", file.name);
        }
    }
}

#[test]
fn the_numbers_are_those_of_the_bridge() {
    let thresholds: Value =
        serde_json::from_str(&text(&bridge(), Style::Scim, "STATUS_THRESHOLD_CONFIG.json"))
            .unwrap();
    assert_eq!(thresholds["statusAndThresholdConfig"]["accountThresholdValue"], 25);
    let connection: Value =
        serde_json::from_str(&text(&bridge(), Style::Flat, "ConnectionJSON.json")).unwrap();
    let rate = &connection["authentications"]["acctAuth"]["apiRateLimitConfig"];
    assert_eq!((&rate["retryAfterCalls"], &rate["retryWaitSeconds"]), (&2500.into(), &3.into()));
    let small = Bridge { largest_page: 50, ..bridge() };
    let import = text(&small, Style::Scim, "ImportAccountEntJSON.json");
    assert!(import.contains("/scim/v2/Users?count=50&cursor=") && !import.contains("count=200"));
}

#[test]
fn another_workspace_has_paths_of_its_own_and_one_token_address() {
    let emea = Bridge { workspace: "emea".to_owned(), ..bridge() };
    assert!(
        text(&emea, Style::Scim, "ImportAccountEntJSON.json")
            .contains("/workspaces/emea/scim/v2/Users?")
    );
    assert!(
        text(&emea, Style::Flat, "ImportAccountEntJSON.json")
            .contains("/workspaces/emea/api/v1/accounts?")
    );
    assert!(
        text(&emea, Style::Flat, "ConnectionJSON.json")
            .contains("\"https://bridge.example.com/oauth/token\"")
    );
}

#[test]
fn without_cursors_the_walk_is_saviynts_documented_one() {
    let plain = Bridge { cursor_pagination: false, ..bridge() };
    let import = text(&plain, Style::Scim, "ImportAccountEntJSON.json");
    assert!(import.contains("Math.addExact") && !import.contains("cursor"), "{import}");
}

#[test]
fn a_transport_package_holds_all_parameters_and_no_credentials() {
    let zip = files(&bridge(), Style::Scim).pop().unwrap();
    assert_eq!(zip.name, "Intercom_Bridge.transport.zip");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip.contents)).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(
        names,
        ["Connection_2026-03-01_12-30-05(UTC).json", "ObjectSummary_2026-03-01_12-30-05(UTC).json"]
    );
    let mut read =
        |name: &str| -> Value { serde_json::from_reader(archive.by_name(name).unwrap()).unwrap() };
    let connection = &read(&names[0])["Intercom_Bridge"];
    assert_eq!(
        (&connection["externalconnectiontype"], &connection["status"]),
        (&"REST".into(), &1.into())
    );
    let attributes = connection["EXTERNAL_ATTR"].as_array().unwrap();
    assert_eq!(attributes.len(), 24);
    let value = |name: &str| &attributes.iter().find(|one| one["attributename"] == name).unwrap()["encryptedattributevalue"];
    assert_eq!(value("ConnectionJSON"), "");
    let import = value("ImportAccountEntJSON").as_str().unwrap();
    assert_eq!(
        import.replace("\r\n", "\n"),
        text(&bridge(), Style::Scim, "ImportAccountEntJSON.json")
    );
    let summary = read(&names[1]);
    assert_eq!(summary["Objects"]["connection"][0], "Intercom_Bridge");
    assert_eq!(summary["Information"]["Exported On"], "2026-03-01 12:30:05");
    let guid = summary["Information"]["GUID"].as_str().unwrap();
    assert_eq!(guid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
}

#[test]
fn the_terraform_file_names_files_of_the_package() {
    let package = files(&bridge(), Style::Scim);
    let terraform = text(&bridge(), Style::Scim, "intercom.tf");
    let mut named = 0;
    // The commented lines are optional: the administrator uncomments them.
    let (active, commented): (Vec<&str>, Vec<&str>) =
        terraform.lines().partition(|line| !line.trim_start().starts_with('#'));
    assert_eq!(active.iter().filter(|line| line.contains("path.module")).count(), 6);
    assert_eq!(commented.iter().filter(|line| line.contains("path.module")).count(), 8);
    for part in terraform.split("${path.module}/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(package.iter().any(|file| file.name == name), "{name}");
        named += 1;
    }
    assert_eq!(named, 14);
}
