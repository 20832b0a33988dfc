//! Evidence bundles: ZIP files with a manifest that has the SHA-256 of each file.

use std::io::{Cursor, Write};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use zip::result::ZipResult;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A file of a bundle.
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// Its bytes.
    pub contents: Vec<u8>,
}

impl Part {
    /// Its SHA-256 in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        hex::encode(digest(&SHA256, &self.contents))
    }
}

/// The list of files in a manifest.
#[must_use]
pub fn manifest_files(parts: &[Part]) -> Vec<Value> {
    let file = |part: &Part| json!({"name": part.name, "bytes": part.contents.len(), "sha256": part.sha256()});
    parts.iter().map(file).collect()
}

/// The file `SHA256SUMS`, as `sha256sum --check` reads it.
#[must_use]
pub fn sums(parts: &[Part]) -> Vec<u8> {
    let lines: String =
        parts.iter().map(|part| format!("{}  {}\n", part.sha256(), part.name)).collect();
    lines.into_bytes()
}

/// The ZIP file.
///
/// # Errors
/// If it cannot be put together.
pub fn zipped(parts: &[Part]) -> ZipResult<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for part in parts {
        zip.start_file(part.name, options)?;
        zip.write_all(&part.contents)?;
    }
    Ok(zip.finish()?.into_inner())
}
