//! Reads the URL of a database.

use std::path::Path;

/// Returns the file of a SQLite database that does not exist yet and that opening the database
/// would create.
#[must_use]
pub fn missing_file(url: &str) -> Option<&str> {
    let (file, mode) = url.strip_prefix("sqlite://")?.split_once('?')?;
    let creates = mode.contains("mode=rwc") && !file.is_empty() && !file.contains(":memory:");
    (creates && !Path::new(file).exists()).then_some(file)
}

/// Returns a database URL without user name, password and query, for logs and errors.
#[must_use]
pub fn without_password(url: &str) -> String {
    match reqwest::Url::parse(url) {
        Ok(mut parsed) if parsed.has_host() => {
            let _ = parsed.set_password(None);
            let _ = parsed.set_username("");
            parsed.set_query(None);
            parsed.to_string()
        }
        // The URL of a SQLite file contains no password.
        _ if url.starts_with("sqlite:") => url.split('?').next().unwrap_or_default().to_owned(),
        _ => "in DATABASE_URL".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        assert_eq!(
            without_password("postgres://ada:secret@db.example:5432/bridge?sslmode=require"),
            "postgres://db.example:5432/bridge"
        );
        assert_eq!(without_password("sqlite://bridge.db?mode=rwc"), "sqlite://bridge.db");
        assert_eq!(without_password("postgres://ada:se/cret@db.example/bridge"), "in DATABASE_URL");
        assert_eq!(
            without_password("sqlite:///var/lib/bridge.db?mode=rwc"),
            "sqlite:///var/lib/bridge.db"
        );
    }
}
