//! Who runs on which core: the server on one, the load generator on another, so that neither takes the other's time.

use std::ffi::OsStr;
use std::fs;
use std::process::Stdio;

use tokio::process::Command;

use crate::Result;

/// The cores of this machine, shared out where that can be done.
pub struct Cores {
    count: usize,
    /// The server's and the load generator's.
    split: Option<(usize, usize)>,
    note: String,
}

impl Cores {
    /// Looks at what there is: two cores that we may use, and `taskset` (util-linux) to share them out with.
    pub fn find() -> Self {
        let allowed = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let allowed = allowed
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        let allowed = listed(allowed.unwrap_or_default());
        let taskset = std::process::Command::new("taskset")
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        let (split, note) = match *allowed {
            [server, load, ..] if taskset => (
                Some((server, load)),
                format!("server on core {server}, load generator on core {load}"),
            ),
            [_, _, ..] => (None, "cores are shared: there is no taskset".into()),
            _ => (None, "server and load generator share one core".into()),
        };
        Self {
            count: std::thread::available_parallelism().map_or(1, usize::from),
            split,
            note,
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Who has which.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// A program that is to run on the server's core.
    pub fn on_the_servers(&self, program: impl AsRef<OsStr>) -> Command {
        match self.split {
            Some((server, _)) => {
                let mut command = Command::new("taskset");
                command
                    .args(["--cpu-list", &server.to_string()])
                    .arg(program);
                command
            }
            None => Command::new(program),
        }
    }

    /// From here on we keep to the load generator's core: once everything is prepared.
    pub async fn keep_to_ours(&self) -> Result {
        let Some((_, load)) = self.split else {
            return Ok(());
        };
        let status = Command::new("taskset")
            .args(["--all-tasks", "--pid", "--cpu-list"])
            .args([load.to_string(), std::process::id().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .await?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("taskset ended with {status}").into())
        }
    }
}

/// Cores as the kernel lists them: `0-3,8`.
fn listed(text: &str) -> Vec<usize> {
    let run = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    text.trim().split(',').filter_map(run).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_the_kernel_writes_them() {
        assert_eq!(listed("\t0-2,8"), [0, 1, 2, 8]);
        assert_eq!(listed("5"), [5]);
        assert!(listed("").is_empty());
    }
}
