//! The server under test, in a process of its own.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::Result;

/// Clock ticks a second in `/proc` (always, on Linux).
const TICKS: u64 = 100;

/// A server on empty data; ends when dropped.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    _data: TempDir,
}

impl Server {
    /// Starts the binary on a free port, with limits out of the way.
    pub async fn start(binary: &Path) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut child = Command::new(binary)
            .arg("serve")
            .args(["--listen", &address.to_string(), "--log", "warn"])
            .args(["--registrations-per-hour", "1000000"])
            .args(["--logins-per-minute", "10000000"])
            .args(["--frames-per-second", "100000"])
            .arg("--data")
            .arg(data.path())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        while TcpStream::connect(address).await.is_err() {
            if let Some(status) = child.try_wait()? {
                return Err(format!("the server ended ({status})").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Self {
            address,
            child,
            _data: data,
        })
    }

    /// Processor time that it has used, in seconds, to a hundredth.
    pub fn cpu(&self) -> Result<f64> {
        cpu_of(self.child.id().ok_or("the server has ended")?)
    }
}

/// Processor time that a process has used, in seconds, to a hundredth.
pub fn cpu_of(process: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Fields 14 and 15, counted behind the name, which may hold anything.
    let fields = stat.rsplit_once(") ").ok_or("no such stat")?.1;
    let ticks: u64 = fields
        .split(' ')
        .skip(11)
        .take(2)
        .map(str::parse::<u64>)
        .sum::<std::result::Result<_, _>>()?;
    Ok(ticks as f64 / TICKS as f64)
}
