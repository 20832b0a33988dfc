//! `completions` and `manual`: shell completions and the manual page, generated from the command
//! line definition.

use std::collections::VecDeque;
use std::io::Write;

use clap::{Command, Parser};
use clap_complete::Shell;

use super::error::CommandError;

#[derive(Debug, Parser)]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

#[expect(clippy::unnecessary_wraps, reason = "every subcommand has the same shape")]
pub fn completions(mut command: Command, arguments: &Completions) -> Result<(), CommandError> {
    let name = command.get_name().to_owned();
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, name, &mut text);
    // A closed pipe is not an error.
    let _ = std::io::stdout().lock().write_all(&text);
    Ok(())
}

/// Prints one manual page with all subcommands and their options.
pub fn manual(mut command: Command) -> Result<(), CommandError> {
    let mut text = Vec::new();
    command.build();
    let page = clap_mangen::Man::new(command.clone());
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    let mut open: VecDeque<Command> = command.get_subcommands().cloned().collect();
    while let Some(subcommand) = open.pop_front() {
        if subcommand.get_name() == "help" {
            continue;
        }
        let name = subcommand
            .get_display_name()
            .unwrap_or_default()
            .replace("intercom-scim-bridge-", "")
            .replace('-', " ");
        writeln!(text, ".SH {}", name.to_uppercase())?;
        let page = clap_mangen::Man::new(subcommand.clone());
        page.render_description_section(&mut text)?;
        page.render_synopsis_section(&mut text)?;
        page.render_options_section(&mut text)?;
        // The subcommands of a command follow it directly.
        let below: Vec<Command> = subcommand.get_subcommands().cloned().collect();
        below.into_iter().rev().for_each(|command| open.push_front(command));
    }
    page.render_version_section(&mut text)?;
    let _ = std::io::stdout().lock().write_all(&text);
    Ok(())
}
