//! On what was it measured? Without these facts the numbers say nothing.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Processors that we may use.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// One line for people.
pub fn facts(dir: &Path) -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let append = durable_append(dir).map_or("unknown".into(), |took| format!("{:.2} ms", took.as_secs_f64() * 1e3));
    format!(
        "{} cores ({}), {:.0} GiB memory, {} {}, stores on {} (write and fdatasync of 4 KiB: {append})",
        cores(),
        info("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.into()),
        memory().unwrap_or_default(),
        std::env::consts::OS,
        kernel.trim(),
        file_system(dir).unwrap_or_else(|| "an unknown file system".into()),
    )
}

fn memory() -> Option<f64> {
    let total = info("/proc/meminfo", "MemTotal")?;
    let kib: f64 = total.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / (1024.0 * 1024.0))
}

fn info(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The type of the innermost mount above `dir`.
fn file_system(dir: &Path) -> Option<String> {
    let dir = dir.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let above = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (at, kind) = (Path::new(fields.next()?), fields.next()?);
        dir.starts_with(at).then(|| (at.components().count(), kind.to_owned()))
    });
    above.max_by_key(|(depth, _)| *depth).map(|(_, kind)| kind)
}

/// The median of a few durable appends.
fn durable_append(dir: &Path) -> io::Result<Duration> {
    fs::create_dir_all(dir)?;
    let mut file: File = tempfile::tempfile_in(dir)?;
    let mut times = Vec::new();
    for _ in 0..101 {
        let began = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}
