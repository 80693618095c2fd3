//! Limits on a program and everything below it, and the watch that enforces them.
//!
//! The kernel's own limits do not help: an emulator reserves far more address space than it uses, and root may have any
//! number of processes. So the process tree is inspected at regular intervals, and killed when it exceeds a limit.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bringup_model::limits::Limits;
use rustix::process::Pid;
use walkdir::WalkDir;

use crate::process_tree;

/// The time between two inspections.
const INTERVAL: Duration = Duration::from_millis(100);

/// One part in this many of the time may go into walking through folders.
const WALKING: u32 = 20;

const MIB: u64 = 1 << 20;

/// What a program and everything below it may use, except time.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// MiB of resident memory, all processes together.
    pub memory_mib: u64,
    /// Processes at once.
    pub processes: u64,
    /// Files that each process may have open at once. The kernel refuses the next one.
    pub open_files: u64,
    /// MiB of standard output and standard error together.
    pub output_mib: u64,
    /// MiB that the files in `folder` may occupy.
    pub disk_mib: u64,
    /// The folder whose size is limited.
    pub folder: PathBuf,
}

impl Bounds {
    /// The limits of a test program that keeps its files in `folder`.
    pub fn of(limits: Limits, folder: &Path) -> Self {
        let Limits { memory_mib, processes, open_files, output_mib, disk_mib, .. } = limits;
        Self { memory_mib, processes, open_files, output_mib, disk_mib, folder: folder.to_owned() }
    }
}

/// The limit that a program exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// MiB of memory.
    Memory(u64),
    /// Processes.
    Processes(u64),
    /// MiB of output.
    Output(u64),
    /// MiB in files.
    Disk(u64),
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(bound) => write!(f, "used more than {bound} MiB of memory"),
            Self::Processes(bound) => write!(f, "had more than {bound} processes"),
            Self::Output(bound) => write!(f, "wrote more than {bound} MiB of output"),
            Self::Disk(bound) => write!(f, "filled more than {bound} MiB of disk"),
        }
    }
}

/// Watches one program.
pub struct BoundsWatch<'a> {
    bounds: &'a Bounds,
    next: Instant,
    next_walk: Instant,
    printed: u64,
}

impl<'a> BoundsWatch<'a> {
    pub fn new(bounds: &'a Bounds) -> Self {
        let next = Instant::now() + INTERVAL;
        Self { bounds, next, next_walk: next, printed: 0 }
    }

    /// When the next inspection is due.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// Counts output.
    pub fn printed(&mut self, bytes: usize) {
        self.printed = self.printed.saturating_add(bytes as u64);
    }

    /// Checks the output and, when an inspection is due, the processes below `supervisor`.
    pub fn look(&mut self, supervisor: Pid) -> Option<Exceeded> {
        let bounds = self.bounds;
        if self.printed > bounds.output_mib * MIB {
            return Some(Exceeded::Output(bounds.output_mib));
        }
        let start = Instant::now();
        if start < self.next {
            return None;
        }
        self.next = start + INTERVAL;
        let usage = process_tree::usage(supervisor);
        if usage.memory > bounds.memory_mib * MIB {
            return Some(Exceeded::Memory(bounds.memory_mib));
        }
        if usage.processes > bounds.processes {
            return Some(Exceeded::Processes(bounds.processes));
        }
        if start >= self.next_walk {
            let full = occupied(&bounds.folder) > bounds.disk_mib * MIB;
            self.next_walk = Instant::now() + WALKING * start.elapsed();
            return full.then_some(Exceeded::Disk(bounds.disk_mib));
        }
        None
    }
}

/// Bytes that the files below a folder occupy. A file that vanishes meanwhile, or cannot be read, counts as 0.
fn occupied(folder: &Path) -> u64 {
    let entries = WalkDir::new(folder).min_depth(1).into_iter().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.blocks() * 512).sum()
}
