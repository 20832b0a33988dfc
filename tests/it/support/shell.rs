//! The command, run as in a shell.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use tempfile::TempDir;

use super::secrets;
use super::waiting::eventually_blocking;

const BRIDGE: &str = env!("CARGO_BIN_EXE_intercom-scim-bridge");

/// A new directory and its own environment variables.
pub struct Shell {
    pub directory: TempDir,
    environment: Vec<(String, String)>,
}

/// How a command ended.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Shell {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BRIDGE);
        self.prepare(command.args(arguments));
        command
    }

    /// Gives another program the directory and the environment.
    pub fn prepare(&self, command: &mut Command) {
        command
            .current_dir(self.directory.path())
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
    }

    /// Runs a command that ends by itself. Fails if it panicked.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let ended = Ended {
            code: status.code(),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        };
        assert!(
            !ended.stderr.contains("panicked") && !ended.stderr.contains("backtrace"),
            "{}",
            ended.stderr
        );
        secrets::scan("stderr", &ended.stderr);
        ended
    }

    /// Starts a command that runs until it gets a signal.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Self::spawn(&mut self.command(arguments))
    }

    /// The same, with SIGXFSZ ignored: writing beyond the limit of file sizes is an error, as on a
    /// full disk, and does not kill the process.
    pub fn start_on_a_disk_that_may_fill_up(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new("bash");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", BRIDGE]).args(arguments);
        self.prepare(&mut command);
        Self::spawn(&mut command)
    }

    fn spawn(command: &mut Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Running { child, stdout }
    }
}

/// A running command. It is killed if the test ends first.
pub struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Running {
    /// Reads the next line of stdout.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Sends a signal, such as `STOP`.
    pub fn signal(&self, signal: &str) {
        let process = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([&format!("-{signal}"), &process])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Limits the size of files in bytes, as a full disk does. `unlimited` removes the limit.
    pub fn limit_files(&self, bytes: &str) {
        let process = self.child.id().to_string();
        let limited = Command::new("prlimit")
            .args(["--pid", &process, &format!("--fsize={bytes}:unlimited")])
            .status();
        assert!(limited.unwrap().success());
    }

    /// Sends SIGINT, as Ctrl-C does, and waits for the end.
    pub fn interrupt(self) -> Ended {
        self.signal("INT");
        self.end()
    }

    /// Waits for the end of the command.
    pub fn end(mut self) -> Ended {
        let status = eventually_blocking("the command ends", || self.child.try_wait().unwrap());
        let mut stdout = String::new();
        let mut stderr = String::new();
        self.stdout.read_to_string(&mut stdout).unwrap();
        if let Some(mut output) = self.child.stderr.take() {
            output.read_to_string(&mut stderr).unwrap();
        }
        secrets::scan("stderr", &stderr);
        Ended { code: status.code(), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
