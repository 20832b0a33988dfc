//! Tells a release which commit it is built from: by `BUILD_COMMIT`, or else by git.

use std::process::Command;

#[expect(clippy::disallowed_methods, reason = "a build has no settings but its environment")]
fn main() {
    println!("cargo:rerun-if-env-changed=BUILD_COMMIT");
    let given = std::env::var("BUILD_COMMIT").ok().filter(|commit| !commit.is_empty());
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = match given {
        Some(commit) => commit,
        None if release => {
            println!("cargo:rerun-if-changed=.git/HEAD");
            println!("cargo:rerun-if-changed=.git/refs/heads");
            of_git().unwrap_or_else(|| "unknown".to_owned())
        }
        // A commit must not make everybody's next debug build start from nothing.
        None => "debug".to_owned(),
    };
    println!("cargo:rustc-env=BUILD_COMMIT={commit}");
}

fn of_git() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !commit.is_empty()).then_some(commit)
}
