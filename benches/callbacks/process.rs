//! What does a child process use? Processor time and memory as the kernel counts them; nothing where it does not tell.

use std::{
    fs, io,
    process::{Child, Command},
    time::Duration,
};

/// The unit of `/proc/{pid}/stat`: a hundredth of a second, on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// A child that does not outlive us.
pub struct Process(Child);

impl Process {
    pub fn start(command: &mut Command) -> io::Result<Self> {
        command.spawn().map(Self)
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// SIGKILL, and the end of it.
    pub fn kill(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Processor time since its start, of all its threads.
    pub fn cpu(&self) -> Option<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).ok()?;
        // The name, in parentheses, may hold blanks.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut times = fields.split_ascii_whitespace().skip(11).take(2);
        let mut next = || times.next()?.parse::<u32>().ok();
        Some(TICK * (next()? + next()?))
    }

    /// Resident memory now.
    pub fn resident(&self) -> Option<Bytes> {
        self.memory("VmRSS:")
    }

    /// The most it ever was.
    pub fn peak(&self) -> Option<Bytes> {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> Option<Bytes> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with(name))?;
        let kib: u64 = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some(Bytes(kib * 1024))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An amount of memory or disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Bytes {
    pub fn mib(self) -> f64 {
        self.0 as f64 / (1024.0 * 1024.0)
    }
}
