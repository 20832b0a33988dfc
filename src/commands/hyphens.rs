//! Accepts argument values that begin with a hyphen. Ids, heads and hashes are URL-safe Base64, and
//! one in 64 of them begins with a hyphen.
//!
//! By default clap parses such a value as a bundle of short options: `-Vx4b…` would print the
//! version and exit with 0, and a script would believe that a token was revoked. So every argument
//! of every command accepts such values.

use std::ffi::{OsStr, OsString};

use clap::error::ErrorKind;
use clap::{ArgMatches, Command, Error};

/// The options that print something and exit with 0.
const PRINTING: [&str; 4] = ["-h", "--help", "-V", "--version"];

/// Parses the arguments of a process by the definition of its command line.
pub fn parse(command: Command, arguments: &[OsString]) -> Result<ArgMatches, Error> {
    let mut command = accepting(command);
    command.build();
    matches(&mut command, arguments)
}

/// Lets all values of a command begin with a hyphen, except positional ones from a fixed list of
/// words. Otherwise a misspelt option would be reported as a wrong word.
fn accepting(command: Command) -> Command {
    let accepting_argument = |argument: clap::Arg| {
        let known_words = argument.is_positional() && !argument.get_possible_values().is_empty();
        let takes_values = argument.get_action().takes_values() && !known_words;
        if takes_values { argument.allow_hyphen_values(true) } else { argument }
    };
    command.mut_args(accepting_argument).mut_subcommands(accepting)
}

fn matches(command: &mut Command, arguments: &[OsString]) -> Result<ArgMatches, Error> {
    let matches = command.try_get_matches_from_mut(arguments.iter()).map_err(|error| {
        // `-Vx` does not mean `-V`.
        let bundle = arguments.iter().find(|argument| is_bundle(argument));
        match bundle
            .filter(|_| matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion))
        {
            Some(bundle)
                if !arguments
                    .iter()
                    .any(|argument| PRINTING.iter().any(|printing| argument == printing)) =>
            {
                let what = format!("unexpected argument '{}' found", bundle.to_string_lossy());
                command.error(ErrorKind::UnknownArgument, what)
            }
            _ => error,
        }
    })?;
    match without_value(command, &matches) {
        Some(error) => Err(error),
        None => Ok(matches),
    }
}

/// Whether an argument begins like `-h` or `-V` and is longer.
fn is_bundle(argument: &OsStr) -> bool {
    let bytes = argument.as_encoded_bytes();
    bytes.len() > 2 && (bytes.starts_with(b"-h") || bytes.starts_with(b"-V"))
}

/// Returns the error for an option whose value is another option of the command: its own value was
/// forgotten.
fn without_value(command: &Command, matches: &ArgMatches) -> Option<Error> {
    let mut options: Vec<String> = PRINTING.map(str::to_owned).to_vec();
    options.extend(
        command
            .get_arguments()
            .filter_map(|argument| argument.get_long().map(|long| format!("--{long}"))),
    );
    let named = command.get_arguments().filter(|argument| !argument.is_positional());
    for argument in named.filter(|argument| argument.get_action().takes_values()) {
        let given = matches.try_get_raw(argument.get_id().as_str()).ok().flatten();
        if let Some(option) =
            given.and_then(|mut values| values.find_map(|value| other_option(value, &options)))
        {
            let what =
                format!("a value is required for '{argument}', and `{option}` is another option");
            return Some(command.clone().error(ErrorKind::InvalidValue, what));
        }
    }
    let (name, below) = matches.subcommand()?;
    without_value(command.find_subcommand(name)?, below)
}

fn other_option<'a>(value: &OsStr, options: &'a [String]) -> Option<&'a str> {
    options.iter().map(String::as_str).find(|option| value == OsStr::new(*option))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::commands::CommandLine;

    /// Collects the commands without subcommands, each with the words that lead to it.
    fn leaves(command: &Command, path: &[String], found: &mut Vec<(Vec<String>, Command)>) {
        let subcommands: Vec<&Command> = command
            .get_subcommands()
            .filter(|subcommand| subcommand.get_name() != "help")
            .collect();
        if subcommands.is_empty() {
            found.push((path.to_vec(), command.clone()));
        }
        for subcommand in subcommands {
            let below = [path, &[subcommand.get_name().to_owned()]].concat();
            leaves(subcommand, &below, found);
        }
    }

    fn read(words: &[String]) -> Result<ArgMatches, Error> {
        let mut command = accepting(CommandLine::command());
        command.build();
        matches(&mut command, &words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    /// Returns a valid value of an argument.
    fn usual(argument: &clap::Arg) -> String {
        if let Some(possible) = argument.get_possible_values().first() {
            return possible.get_name().to_owned();
        }
        let usual = match argument.get_id().as_str() {
            "base_url" => "https://bridge.example.com",
            "keep" => "1d",
            _ => "x",
        };
        usual.to_owned()
    }

    /// Returns the words that set an argument to a value.
    fn given(argument: &clap::Arg, value: &str) -> Vec<String> {
        match argument.get_long() {
            Some(long) => vec![format!("--{long}"), value.to_owned()],
            None => vec![value.to_owned()],
        }
    }

    #[test]
    fn a_value_that_begins_with_a_hyphen_is_a_value_wherever_one_is_taken() {
        let mut command = accepting(CommandLine::command());
        command.build();
        let mut found = Vec::new();
        leaves(&command, &["intercom-scim-bridge".to_owned()], &mut found);
        assert!(found.len() > 20, "{}", found.len());
        let mut accepted = Vec::new();
        for (path, leaf) in found {
            let valued: Vec<&clap::Arg> = leaf
                .get_arguments()
                .filter(|argument| argument.get_action().takes_values())
                .collect();
            for argument in &valued {
                for value in ["-Vx4bhV", "-hx4b", "-4bX_-", "--Vx", "-", "-x=1", "-c"] {
                    let others = valued.iter().filter(|other| {
                        other.is_required_set() && other.get_id() != argument.get_id()
                    });
                    // One of each group of which one is required.
                    let groups = leaf.get_groups().filter(|group| group.is_required_set());
                    let ids = groups
                        .map(|group| group.get_args().collect::<Vec<_>>())
                        .filter(|ids| !ids.contains(&argument.get_id()))
                        .filter_map(|ids| ids.first().copied());
                    let chosen: Vec<&clap::Id> = ids.collect();
                    let chosen = valued.iter().filter(|other| chosen.contains(&other.get_id()));
                    let mut words = path.clone();
                    words
                        .extend(others.chain(chosen).flat_map(|other| given(other, &usual(other))));
                    words.extend(given(argument, value));
                    match read(&words) {
                        Ok(matches) => {
                            let below = path[1..].iter().fold(&matches, |matches, name| {
                                matches.subcommand_matches(name).unwrap()
                            });
                            let mut raw = below.get_raw(argument.get_id().as_str()).unwrap();
                            assert!(raw.any(|raw| raw == value), "{words:?}");
                            accepted.push(format!("{} {}", path[1..].join(" "), argument.get_id()));
                        }
                        Err(error) => {
                            let few_words = argument.is_positional()
                                && !argument.get_possible_values().is_empty();
                            let kind = error.kind();
                            let of_the_value = matches!(
                                kind,
                                ErrorKind::ValueValidation | ErrorKind::InvalidValue
                            ) || few_words && kind == ErrorKind::UnknownArgument;
                            assert!(of_the_value && error.exit_code() == 2, "{words:?}: {error}");
                        }
                    }
                }
            }
        }
        for secret in [
            "client disable id",
            "client rotate id",
            "token revoke id",
            "ledger verify head",
            "ledger export since",
            "simulate token",
        ] {
            assert_eq!(accepted.iter().filter(|name| *name == secret).count(), 7, "{secret}");
        }
    }

    #[test]
    fn an_option_without_its_value_does_not_take_the_next_option_for_it() {
        let read = |line: &str| {
            let words: Vec<String> = ["intercom-scim-bridge"]
                .into_iter()
                .chain(line.split(' '))
                .map(str::to_owned)
                .collect();
            read(&words).err().map(|error| (error.kind(), error.exit_code()))
        };
        for line in [
            "client create --name --json",
            "client create --name -h",
            "ledger verify --head --json",
            "token issue --subject --ttl",
            "serve --config --help",
        ] {
            assert_eq!(read(line), Some((ErrorKind::InvalidValue, 2)), "{line}");
        }
        for line in ["serve -Vx", "token list -hx", "import -Vfull", "token revoke x -Vx"] {
            assert_eq!(read(line), Some((ErrorKind::UnknownArgument, 2)), "{line}");
        }
        assert_eq!(read("import --dryrun"), Some((ErrorKind::UnknownArgument, 2)));
        assert_eq!(read("token revoke -h"), Some((ErrorKind::DisplayHelp, 0)));
        assert_eq!(read("token revoke --json"), None);
        assert_eq!(read("-V"), Some((ErrorKind::DisplayVersion, 0)));
        assert_eq!(read("token -V"), Some((ErrorKind::DisplayVersion, 0)));
        assert_eq!(read("client rotate -Vx --overlap 0s --json"), None);
        assert_eq!(read("client rotate --json -hx"), None);
    }
}
