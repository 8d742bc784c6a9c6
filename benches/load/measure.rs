//! Readings from `/proc`, and statistics of readings: medians and percentiles.

use super::Outcome;
use super::sys;
use std::fs;

/// Memory of a process in bytes; shared pages are divided by the processes that share them (PSS).
pub fn memory_bytes(process: u32) -> Outcome<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    Ok(field(&text, "Pss:")? as f64 * 1024.0)
}

/// Resident memory of a process in bytes.
pub fn resident_bytes(process: u32) -> Outcome<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    Ok(field(&text, "VmRSS:")? * 1024)
}

/// Number of open descriptors of a process.
pub fn descriptor_count(process: u32) -> Outcome<u64> {
    Ok(fs::read_dir(format!("/proc/{process}/fd"))?.count() as u64)
}

/// Memory of the kernel's object caches in bytes. They include both ends of local connections.
pub fn kernel_memory_bytes() -> Outcome<f64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    Ok(field(&text, "Slab:")? as f64 * 1024.0)
}

/// Number of times that a process went to sleep voluntarily: once per wake-up.
pub fn sleep_count(process: u32) -> Outcome<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    field(&text, "voluntary_ctxt_switches:")
}

/// User and system time of several processes together, in nanoseconds.
pub fn cpu_time_ns(processes: &[u32]) -> Outcome<u64> {
    let mut sum = 0;
    for &process in processes {
        sum += sys::cpu_time_ns(process)?;
    }
    Ok(sum)
}

fn field(text: &str, name: &str) -> Outcome<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_ascii_whitespace().next());
    Ok(number.ok_or_else(|| format!("/proc shows no {name}"))?.parse()?)
}

/// The value below which `share` (0 to 1) of the values lie; `None` without values.
pub fn percentile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    Some(sorted[(last as f64 * share).round() as usize])
}

/// The middle value, or the mean of the middle two if their number is even; `None` without values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { (sorted[middle - 1] + upper) / 2.0 })
}

/// The machine and the commit that were measured.
pub struct Machine {
    /// Model name of the first processor.
    pub processor: String,
    /// Number of processors that the harness may use.
    pub core_count: usize,
    /// Name and release of the kernel.
    pub kernel: String,
    /// Commit of the working tree; `unknown` outside of git.
    pub commit: String,
}

impl Machine {
    /// This machine.
    pub fn read() -> Machine {
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = processors.lines().find_map(|line| line.strip_prefix("model name"));
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Machine {
            processor: model.map_or("unknown", |rest| rest.trim_matches([' ', '\t', ':'])).into(),
            core_count: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: format!("Linux {}", release.trim()),
            commit: commit().unwrap_or_else(|| "unknown".into()),
        }
    }
}

fn commit() -> Option<String> {
    let arguments = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
    let output = std::process::Command::new("git")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(std::process::Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
