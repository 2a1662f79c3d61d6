//! What is measured: the server, or a baseline, each in a process of its own.

use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::Result;
use crate::baseline::Kind;
use crate::cores::Cores;

/// A process that listens; ends when dropped.
pub struct Process {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
}

/// A server on data of its own.
pub struct Server {
    process: Process,
    data: TempDir,
}

impl std::ops::Deref for Server {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl Server {
    /// Name of the database in the data folder.
    pub const DATABASE: &str = "secure-chat.db";

    /// Starts the binary on a free port and empty data, with limits out of the way.
    pub async fn start(binary: &Path, cores: &Cores) -> Result<Self> {
        Self::on(binary, cores, tempfile::tempdir()?).await
    }

    /// The same on data that is there.
    pub async fn on(binary: &Path, cores: &Cores, data: TempDir) -> Result<Self> {
        let mut command = cores.on_the_servers(binary);
        command
            .arg("serve")
            .args(["--log", "warn"])
            .args(["--registrations-per-hour", "1000000"])
            .args(["--logins-per-minute", "10000000"])
            .args(["--frames-per-second", "1000000"])
            .args(["--max-sockets", "100000"])
            .arg("--data")
            .arg(data.path());
        let process = Process::listening(command).await?;
        Ok(Self { process, data })
    }

    /// Its database.
    pub fn database(&self) -> PathBuf {
        self.data.path().join(Self::DATABASE)
    }

    /// Has it end in an orderly way; the data are left.
    pub async fn stop(mut self) -> Result<TempDir> {
        let process = self.process.child.id().ok_or("the server has ended")?;
        let process = Pid::from_raw(process.try_into()?).ok_or("a process has a number")?;
        kill_process(process, Signal::TERM)?;
        self.process.child.wait().await?;
        Ok(self.data)
    }
}

/// A baseline, with what it keeps.
pub struct Baseline {
    process: Process,
    _data: TempDir,
}

impl std::ops::Deref for Baseline {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl Baseline {
    /// Starts one: this very binary, in a process of its own.
    pub async fn start(kind: Kind, cores: &Cores) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let mut command = cores.on_the_servers(std::env::current_exe()?);
        command
            .args(["baseline", kind.name()])
            .arg("--database")
            .arg(data.path().join("probe.db"));
        let process = Process::listening(command).await?;
        Ok(Self {
            process,
            _data: data,
        })
    }
}

impl Process {
    /// Starts the program with `--listen` on a free port, and waits until it does.
    async fn listening(mut command: Command) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut child = command
            .args(["--listen", &address.to_string()])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        while TcpStream::connect(address).await.is_err() {
            if let Some(status) = child.try_wait()? {
                return Err(format!("what is to be measured ended ({status})").into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(Self { address, child })
    }

    /// Waits until it does nothing any more: what others did to it before is not to be measured with the next.
    pub async fn rest(&self) -> Result {
        const LOOK: Duration = Duration::from_millis(100);
        const BUSY: f64 = 0.002;
        loop {
            let before = self.cpu()?;
            tokio::time::sleep(LOOK).await;
            if self.cpu()?.since(&before) < BUSY {
                return Ok(());
            }
        }
    }

    /// Processor time that it has used.
    pub fn cpu(&self) -> Result<CpuTime> {
        CpuTime::of(self.child.id().ok_or("it has ended")?)
    }

    /// KiB of memory that it has resident.
    pub fn rss_kib(&self) -> Result<u64> {
        let process = self.child.id().ok_or("it has ended")?;
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let line = line.ok_or("the kernel does not tell VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

/// Lets us, and what we start from here on, open as many sockets as the machine allows.
pub fn raise_limits() -> Result {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}

/// Processor time that a process's threads have used, as the scheduler counts it: nanoseconds each, by the thread's id.
pub struct CpuTime(HashMap<u64, u64>);

impl CpuTime {
    /// Of a process, until now.
    pub fn of(process: u32) -> Result<Self> {
        let mut threads = HashMap::new();
        for task in fs::read_dir(format!("/proc/{process}/task"))? {
            let task = task?;
            // A thread may end meanwhile.
            let Ok(schedstat) = fs::read_to_string(task.path().join("schedstat")) else {
                continue;
            };
            let id = task.file_name();
            let id = id.to_str().ok_or("a thread's id is a number")?.parse()?;
            let running = schedstat.split(' ').next().ok_or("no such schedstat")?;
            threads.insert(id, running.parse()?);
        }
        Ok(Self(threads))
    }

    /// Seconds since then. A thread that has ended in between is left out: its earlier work is not to be taken off.
    pub fn since(&self, before: &Self) -> f64 {
        let nanos = |(id, now): (&u64, &u64)| now - before.0.get(id).copied().unwrap_or(0);
        self.0.iter().map(nanos).sum::<u64>() as f64 / 1e9
    }
}
