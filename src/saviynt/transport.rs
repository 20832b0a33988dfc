//! A transport package: a ZIP of two files that EIC imports together (Admin > Transport > Import
//! Package).
//!
//! EIC's exports contain credentials, encrypted with a key of EIC. This package has none: the
//! administrator pastes `ConnectionJSON`. NB: the format is that of published packages. No public
//! source says whether EIC accepts a package without credentials.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;
use thiserror::Error;
use time::OffsetDateTime;
use time::macros::format_description;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::File;

/// Why the transport package could not be built.
#[derive(Debug, Error)]
pub enum TransportError {
    /// The ZIP could not be written.
    #[error("the transport package cannot be put together")]
    Zip(#[from] ZipError),
    /// A file could not be written into the ZIP.
    #[error("the transport package cannot be put together")]
    Io(#[from] std::io::Error),
    /// The JSON could not be serialised.
    #[error("the transport package cannot be described")]
    Json(#[from] serde_json::Error),
    /// The time could not be formatted.
    #[error("the transport package cannot be dated")]
    Time(#[from] time::error::Format),
}

/// The parameters of a REST connection, in the order of EIC's own exports, with the file for each.
/// Parameters for writes are empty, since the bridge refuses writes: tickets and people handle
/// them. Their files are for administrators who want the refusal to appear on the task.
const PARAMETERS: [(&str, Option<&str>); 24] = [
    // Empty: the package contains no credentials.
    ("ConnectionJSON", None),
    ("ImportUserJSON", None),
    ("ImportAccountEntJSON", Some("ImportAccountEntJSON.json")),
    ("STATUS_THRESHOLD_CONFIG", Some("STATUS_THRESHOLD_CONFIG.json")),
    ("CreateAccountJSON", None),
    ("UpdateAccountJSON", None),
    ("EnableAccountJSON", None),
    ("DisableAccountJSON", None),
    ("AddAccessJSON", None),
    ("RemoveAccessJSON", None),
    ("UpdateUserJSON", None),
    ("ChangePassJSON", None),
    ("RemoveAccountJSON", None),
    ("TicketStatusJSON", Some("TicketStatusJSON.json")),
    ("CreateTicketJSON", Some("CreateTicketJSON.json")),
    ("ENDPOINTS_FILTER", None),
    ("PasswdPolicyJSON", None),
    ("ConfigJSON", Some("ConfigJSON.json")),
    ("AddFFIDAccessJSON", None),
    ("RemoveFFIDAccessJSON", None),
    ("MODIFYUSERDATAJSON", None),
    ("SendOtpJSON", None),
    ("ValidateOtpJSON", None),
    ("PAM_CONFIG", None),
];

/// Returns the transport package for a connection with these files and this name in EIC.
pub(super) fn package(
    files: &BTreeMap<&'static str, String>,
    connection_name: &str,
    base_url: &str,
    made_at: OffsetDateTime,
) -> Result<File, TransportError> {
    let attribute = |(name, file): &(&str, Option<&str>)| {
        let value = file.and_then(|file| files.get(file)).map(|text| text.replace('\n', "\r\n"));
        json!({"attributename": name, "encryptedattributevalue": value.unwrap_or_default(), "formdata": null, "credentialSaveStatus": false})
    };
    let connection = json!({connection_name: {
        "connectionname": connection_name,
        "externalconnectiontype": "REST",
        "templateName": null,
        "connectiondescription": format!("Intercom teammates and teams, from the bridge at {base_url}"),
        "status": 1,
        "statusForEnableDisable": 1,
        "connectorms": false,
        "msconnectorversion": null,
        "connectorType": null,
        "sslCertificate": null,
        "sslCertificateId": null,
        "vaultConfig": null,
        "vaultCredentialConnection": null,
        "credentialChangeConfig": null,
        "templateMandatoryData": null,
        "EXTERNAL_ATTR": PARAMETERS.iter().map(attribute).collect::<Vec<_>>(),
    }});
    let connection = serde_json::to_vec_pretty(&connection)?;
    let summary = json!({
        "Objects": {"connection": [connection_name]},
        "Information": {
            "GUID": guid(&connection),
            "Exported By": "intercom-scim-bridge",
            "Exported On": made_at.format(format_description!("[year]-[month]-[day] [hour]:[minute]:[second]"))?,
            "System": base_url.split("://").last().unwrap_or_default(),
            "TransferOwners": "0",
            "TransferUsers": "0",
        },
    });
    let stamp = made_at
        .format(format_description!("[year]-[month]-[day]_[hour]-[minute]-[second](UTC)"))?;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, contents) in
        [("Connection", connection), ("ObjectSummary", serde_json::to_vec_pretty(&summary)?)]
    {
        zip.start_file(format!("{name}_{stamp}.json"), options)?;
        zip.write_all(&contents)?;
    }
    Ok(File {
        name: format!("{connection_name}.transport.zip"),
        contents: zip.finish()?.into_inner(),
    })
}

/// An id derived from the contents, in the form of a UUID (RFC 9562 §5.8, version 8): equal
/// contents have equal ids.
fn guid(contents: &[u8]) -> String {
    let hash = digest(&SHA256, contents);
    let start =
        hash.as_ref().iter().take(16).fold(0, |sum: u128, byte| sum << 8 | u128::from(*byte));
    let text = format!("{start:032x}");
    format!("{}-{}-8{}-8{}-{}", &text[..8], &text[8..12], &text[13..16], &text[17..20], &text[20..])
}
