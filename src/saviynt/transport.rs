//! A transport package: a ZIP of two files that EIC imports as a whole (Admin > Transport > Import Package).
//!
//! What EIC exports holds the credentials under a key of its own, so this one has none: `ConnectionJSON` is pasted by hand.
//! NB: the form is that of published packages; whether EIC takes one without credentials, no public source says.

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

/// Why there is no transport package.
#[derive(Debug, Error)]
pub enum TransportError {
    /// A file cannot be put into it.
    #[error("the transport package cannot be put together")]
    Zip(#[from] ZipError),
    /// The same.
    #[error("the transport package cannot be put together")]
    Io(#[from] std::io::Error),
    /// A description cannot be written.
    #[error("the transport package cannot be described")]
    Json(#[from] serde_json::Error),
    /// The moment cannot be written.
    #[error("the transport package cannot be dated")]
    Time(#[from] time::error::Format),
}

/// The parameters of a REST connection, in the order of EIC's own exports, with the file that each comes from. What the
/// bridge refuses anyway (the writes) is left to tickets and to people, so it is empty here; the files are there for those
/// who want the refusal on the task.
const PARAMETERS: [(&str, Option<&str>); 24] = [
    // Credentials never travel.
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

/// The package of the connection that the files describe, under its name in EIC.
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
    let stamp = made_at.format(format_description!("[year]-[month]-[day]_[hour]-[minute]-[second](UTC)"))?;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, contents) in [("Connection", connection), ("ObjectSummary", serde_json::to_vec_pretty(&summary)?)] {
        zip.start_file(format!("{name}_{stamp}.json"), options)?;
        zip.write_all(&contents)?;
    }
    Ok(File { name: format!("{connection_name}.transport.zip"), contents: zip.finish()?.into_inner() })
}

/// An id of the package's contents, in the form of a UUID (RFC 9562 §5.8, version 8): the same package is the same.
fn guid(contents: &[u8]) -> String {
    let hash = digest(&SHA256, contents);
    let start = hash.as_ref().iter().take(16).fold(0, |sum: u128, byte| sum << 8 | u128::from(*byte));
    let text = format!("{start:032x}");
    format!("{}-{}-8{}-8{}-{}", &text[..8], &text[8..12], &text[13..16], &text[17..20], &text[20..])
}
