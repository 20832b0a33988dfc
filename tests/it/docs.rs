//! The commands of README and `docs/` are run, so that none can become outdated.
//!
//! A block marked `console` is run as a reader would paste it: each line after `$ `, with the lines
//! that a backslash continues. All blocks of a page run in one shell, in a directory of their own,
//! beside a simulated Intercom. A block after `<!-- not run: REASON -->` is not run.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use simulator::{Admin, Options, Simulator};

use crate::support::bridge::{ENCRYPTION_KEY, dozen, free_port};
use crate::support::hand::TOKEN;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A `console` block.
struct Block {
    /// The number of its first line.
    line: usize,
    commands: Vec<String>,
    /// The reason, if the block is not run.
    not_run: Option<String>,
}

/// The `console` blocks of a page.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut not_run = None;
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let line = line.trim();
        if let Some(reason) = line.strip_prefix("<!-- not run: ") {
            not_run = Some(reason.trim_end_matches("-->").trim().to_owned());
        } else if line == "```console" {
            let mut commands: Vec<String> = Vec::new();
            let mut continued = false;
            for (_, line) in lines.by_ref() {
                let line = line.trim();
                if line == "```" {
                    break;
                }
                match line.strip_prefix("$ ") {
                    Some(command) => commands.push(command.to_owned()),
                    None if continued => {
                        let command = commands.last_mut().unwrap();
                        command.push('\n');
                        command.push_str(line);
                    }
                    // The output of the command above.
                    None => continue,
                }
                continued = line.ends_with('\\');
            }
            blocks.push(Block { line: number + 2, commands, not_run: not_run.take() });
        } else if !line.is_empty() {
            not_run = None;
        }
    }
    blocks
}

/// README, CONTRIBUTING and all pages below `docs`.
fn pages() -> Vec<PathBuf> {
    let mut pages =
        vec![Path::new(ROOT).join("README.md"), Path::new(ROOT).join("CONTRIBUTING.md")];
    let mut folders = vec![Path::new(ROOT).join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

/// Whether a command runs until it is ended. Such commands run in the background.
fn runs_on(command: &str) -> bool {
    command.contains("intercom-scim-bridge serve") || command.contains("intercom-scim-bridge demo")
}

/// Replaces what is different in the test: addresses, dates, and placeholders that the reader fills
/// in.
fn here(command: &str, port: u16) -> String {
    let base = format!("http://127.0.0.1:{port}");
    [
        ("cargo run -- demo", "intercom-scim-bridge demo --admins 12 --teams 3 --port 0"),
        ("https://bridge.example.com", base.as_str()),
        ("https://HOST", base.as_str()),
        ("INTERCOM_ACCESS_TOKEN=…", &format!("INTERCOM_ACCESS_TOKEN={TOKEN}")),
        ("INTERCOM_REGION=eu", "INTERCOM_REGION="),
        ("--head HASH", "--head \"$HEAD\""),
        ("bridge-2026-11-27.db", "\"bridge-$(date +%F).db\""),
        ("2026-03-31", "$(date +%F)"),
        ("2026-11-01", "$(date +%F)"),
        ("since=2026-08-01", "since=$SINCE"),
    ]
    .iter()
    .fold(command.to_owned(), |command, (written, here)| command.replace(written, here))
}

/// Joins the blocks of a page to one script. It writes the line of each command to file descriptor
/// 3.
fn script(blocks: &[Block], port: u16) -> String {
    let base = format!("http://127.0.0.1:{port}");
    // Waits until the bridge in the background responds, for about a minute, and fails otherwise.
    let ready =
        "for _ in $(seq 600); do curl -s -o /dev/null \"$BASE/healthz\" && break; sleep 0.1; done
curl -s -o /dev/null \"$BASE/healthz\"";
    let mut script = format!(
        "export BASE={base}\n\
         trap 'jobs -p | xargs -r kill 2>/dev/null; wait' EXIT\n"
    );
    script += "export SINCE=$(date -u +%FT%T.%3NZ)\nintercom-scim-bridge import full >/dev/null\n";
    script += "export TOKEN=$(intercom-scim-bridge token issue --ttl 1d --subject docs \
               --scope 'scim.read import.read import.run lifecycle.write admin')\n";
    script += "export HEAD=$(intercom-scim-bridge ledger verify | sed -n 's/^head \\([^ ]*\\).*/\\1/p')\n";
    let runnable = || blocks.iter().filter(|block| block.not_run.is_none());
    if !runnable().any(|block| block.commands.iter().any(|command| runs_on(command))) {
        let _ = writeln!(script, "intercom-scim-bridge serve 2>/dev/null &\n{ready}");
    }
    for block in runnable() {
        for command in &block.commands {
            let _ = writeln!(
                script,
                "echo 'line {}: {}' >&3",
                block.line,
                command.replace(['\'', '\n'], " ")
            );
            let command = here(command, port);
            if command.contains("intercom-scim-bridge serve") {
                let _ = writeln!(script, "{command} 2>/dev/null &\n{ready}");
            } else if runs_on(&command) {
                let _ = writeln!(
                    script,
                    "{command} > demo.txt 2>&1 &\nfor _ in $(seq 600); do \
                     grep -q 'http://' demo.txt && break; sleep 0.1; done\ngrep 'http://' demo.txt"
                );
            } else {
                let _ = writeln!(script, "{command}");
            }
        }
    }
    script
}

/// Runs the blocks. The error names the line of the command that failed.
fn run(blocks: &[Block]) -> Result<(), String> {
    // The people whom the pages name: Ada, and a leaver.
    let leaver = 4_423_433;
    let mut workspace = dozen();
    workspace.add_admin(person("Ada Lovelace", "ada@example.com"));
    workspace.put_back(leaver, person("Bo Diddley", "bo@example.com"));
    let simulator = Simulator::start(workspace, Options::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    // A response of 400 or more fails the command.
    std::fs::write(directory.path().join(".curlrc"), "fail\n").unwrap();
    let port = free_port();
    let marks = directory.path().join("marks");
    let shell = |script: &str| {
        let program = Path::new(env!("CARGO_BIN_EXE_intercom-scim-bridge")).parent().unwrap();
        let output = Command::new("bash")
            .args(["-c", &format!("set -euo pipefail\nexec 3>{}\n{script}", marks.display())])
            .current_dir(directory.path())
            .env_clear()
            .env("PATH", format!("{}:{}", program.display(), std::env::var("PATH").unwrap()))
            .env("HOME", directory.path())
            .env("INTERCOM_BASE_URL", simulator.base_url())
            .env("INTERCOM_ACCESS_TOKEN", TOKEN)
            .env("BRIDGE_SERVER__BIND", format!("127.0.0.1:{port}"))
            .env("BRIDGE_ACCESS__ENCRYPTION_KEY", ENCRYPTION_KEY)
            .output()
            .unwrap();
        if output.status.success() {
            return Ok(());
        }
        let marks = std::fs::read_to_string(&marks).unwrap();
        Err(format!(
            "{}\n{}",
            marks.lines().last().unwrap_or("before the first command"),
            String::from_utf8_lossy(&output.stderr)
        ))
    };
    shell("intercom-scim-bridge import full")?;
    simulator.change(|workspace| {
        let by = workspace.admins().next().unwrap().0;
        workspace.remove_admin(leaver, by, 1_772_370_000);
    });
    shell(&script(blocks, port))
}

fn person(name: &str, email: &str) -> Admin {
    Admin { name: name.to_owned(), email: email.to_owned(), ..Admin::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_docs_runs() {
    let mut commands = 0;
    let mut failed = Vec::new();
    for page in pages() {
        let blocks = blocks(&std::fs::read_to_string(&page).unwrap());
        let runnable = blocks.iter().filter(|block| block.not_run.is_none());
        let here: usize = runnable.map(|block| block.commands.len()).sum();
        commands += here;
        if here > 0
            && let Err(error) = run(&blocks)
        {
            failed.push(format!("{}: {error}", page.display()));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(commands >= 20, "only {commands} commands were found");
}

/// Blocks with another name are not run, so commands in them could become outdated.
#[test]
fn commands_of_the_docs_stand_in_console_blocks() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for (number, line) in text.lines().enumerate() {
            let other = ["```sh", "```bash", "```shell", "```text"].contains(&line.trim());
            assert!(!other, "{}:{}: use ```console and `$ `", page.display(), number + 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fails_is_found_with_its_line() {
    let page = "text\n\n```console\n$ true\n$ test 1 = \\\n    2\nits output\n```\n";
    let error = run(&blocks(page)).unwrap_err();
    assert!(error.starts_with("line 4: test 1 = "), "{error}");
    let page = "<!-- not run: needs a printer -->\n```console\n$ lp file\n```\n";
    let blocks = blocks(page);
    assert_eq!(blocks[0].not_run.as_deref(), Some("needs a printer"));
    run(&blocks).unwrap();
}
