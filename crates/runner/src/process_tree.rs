//! What runs below a process, read from /proc.
//!
//! Not every kernel lists the children of a process, so all processes are read. Those that are not below us are skipped
//! for a while, and callers that ask at about the same time share one look.

use std::collections::{HashMap, HashSet};
use std::ffi::CStr;
use std::io::Read as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Pid;

/// The name of the supervisors' processes. They are no part of a program, so they do not count as living.
pub const SUPERVISOR: &CStr = c"supervisor";

/// How old a look may be for callers that ask repeatedly.
const RECENT: Duration = Duration::from_millis(60);

/// How long a process that is not ours is skipped. After that its ID may belong to a new process of ours.
const FOREIGN: Duration = Duration::from_secs(1);

/// One process.
#[derive(Debug, Clone, Copy)]
struct Process {
    parent: i32,
    /// Neither a zombie nor a supervisor.
    alive: bool,
    /// Its own time and that of the children it has waited for, in ticks.
    ticks: u64,
    /// Resident pages.
    pages: u64,
}

/// The processes below us.
#[derive(Default)]
struct Table {
    ours: HashMap<i32, Process>,
    foreign: HashSet<i32>,
    read: Option<Instant>,
    foreign_read: Option<Instant>,
}

static TABLE: Mutex<Option<Table>> = Mutex::new(None);

/// What a program and everything below it use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Living processes.
    pub processes: u64,
    /// Bytes of resident memory. Memory that two processes share counts twice.
    pub memory: u64,
}

/// Processor time of a process and of everything below it, including what has ended.
pub fn cpu_time(root: Pid) -> Duration {
    with_table(Duration::ZERO, |table| {
        let own = Process::read(id(root)).map_or(0, |process| process.ticks);
        time(own + table.below(root).map(|(_, process)| process.ticks).sum::<u64>())
    })
}

/// Processor time of a process and of its descendants that were waited for: utime + stime + cutime + cstime of
/// `/proc/PID/stat`, see proc(5). Zero if there is no such process.
pub fn own_cpu_time(pid: Pid) -> Duration {
    time(Process::read(id(pid)).map_or(0, |process| process.ticks))
}

/// Whether a thread below a process runs, or waits for a processor or a disk: on a busy machine a program may use
/// little processor time and yet not sleep.
pub fn is_runnable(root: Pid) -> bool {
    let state = |thread: std::io::Result<fs_err::DirEntry>| {
        let stat = fs_err::read_to_string(thread.ok()?.path().join("stat")).ok()?;
        stat.rsplit_once(')')?.1.trim_start().chars().next()
    };
    alive(root, RECENT).into_iter().any(|pid| {
        let threads = fs_err::read_dir(format!("/proc/{pid}/task"));
        threads.is_ok_and(|threads| threads.filter_map(state).any(|state| matches!(state, 'R' | 'D')))
    })
}

/// What the living processes below a process use, without the process itself.
pub fn usage(root: Pid) -> Usage {
    with_table(RECENT, |table| {
        let alive = table.below(root).filter(|(_, process)| process.alive);
        let page = rustix::param::page_size() as u64;
        alive.fold(Usage::default(), |sum, (_, process)| Usage {
            processes: sum.processes + 1,
            memory: sum.memory + process.pages * page,
        })
    })
}

/// The living processes below a process.
pub fn below(root: Pid) -> Vec<Pid> {
    alive(root, Duration::ZERO).into_iter().filter_map(Pid::from_raw).collect()
}

/// The command line of a process, shortened; `None` if the process has ended.
pub fn command_line(pid: Pid) -> Option<String> {
    let mut line = Vec::new();
    let file = fs_err::File::open(format!("/proc/{}/cmdline", id(pid))).ok()?;
    file.take(200).read_to_end(&mut line).ok()?;
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    Some(line.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|line| !line.is_empty())
}

fn alive(root: Pid, age: Duration) -> Vec<i32> {
    with_table(age, |table| table.below(root).filter(|(_, process)| process.alive).map(|(pid, _)| pid).collect())
}

fn id(pid: Pid) -> i32 {
    pid.as_raw_nonzero().get()
}

fn time(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second().max(1))
}

/// Hands over a table that is no older than `age`.
fn with_table<T>(age: Duration, look: impl FnOnce(&Table) -> T) -> T {
    let mut table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    let table = table.get_or_insert_default();
    if table.read.is_none_or(|read| read.elapsed() > age || age.is_zero()) {
        table.refresh();
    }
    look(table)
}

impl Table {
    fn refresh(&mut self) {
        if self.foreign_read.is_none_or(|read| read.elapsed() > FOREIGN) {
            self.foreign.clear();
            self.foreign_read = Some(Instant::now());
        }
        self.read = Some(Instant::now());
        let Ok(entries) = std::fs::read_dir("/proc") else { return };
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let pids = pids.filter(|pid| !self.foreign.contains(pid));
        let all: HashMap<i32, Process> = pids.filter_map(|pid| Some((pid, Process::read(pid)?))).collect();
        let me = id(rustix::process::getpid());
        let (ours, foreign) = all.iter().partition(|(pid, _)| is_below(&all, **pid, me));
        self.ours = ours;
        self.foreign.extend(HashMap::<i32, Process>::into_keys(foreign));
    }

    fn below(&self, root: Pid) -> impl Iterator<Item = (i32, &Process)> {
        let root = id(root);
        self.ours.iter().filter(move |(pid, _)| is_below(&self.ours, **pid, root)).map(|(pid, process)| (*pid, process))
    }
}

/// Whether `root` is an ancestor of a process.
fn is_below(table: &HashMap<i32, Process>, pid: i32, root: i32) -> bool {
    // The bound ends a cycle: an ID may be used again while the table is read.
    let chain = std::iter::successors(table.get(&pid), |process| table.get(&process.parent));
    chain.take(1000).any(|process| process.parent == root)
}

impl Process {
    /// From `/proc/PID/stat`, see proc(5): `PID (NAME) STATE PARENT …`, where the name may hold anything.
    fn read(pid: i32) -> Option<Self> {
        let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        let after_name = stat.iter().rposition(|byte| *byte == b')')?;
        let name = stat.get(stat.iter().position(|byte| *byte == b'(')? + 1..after_name)?;
        let fields = std::str::from_utf8(stat.get(after_name + 1..)?).ok()?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            alive: !matches!(*fields.first()?, "Z" | "X") && name != SUPERVISOR.to_bytes(),
            ticks: (11..15).filter_map(number).sum(),
            pages: number(21)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::{Cmd, Flow};

    #[test]
    fn a_tree_is_seen_as_a_whole() {
        let me = rustix::process::getpid();
        let mut seen = None;
        let shell =
            Cmd::new("sh").args(["-c", "sh -c 'echo up; sleep 97640; :' tree-test & setsid sleep 97641 & wait"]);
        let lines = || below(me).into_iter().filter_map(command_line).collect::<Vec<_>>();
        let finished = shell.stream(|_, _| {
            let there = |lines: &[String]| {
                ["tree-test", "sleep 97641"].iter().all(|text| lines.iter().any(|line| line.ends_with(text)))
            };
            while seen.is_none() {
                let lines = lines();
                seen = there(&lines).then(|| usage(me));
            }
            Flow::Kill
        });
        finished.unwrap();
        let seen = seen.unwrap();
        assert!(seen.processes >= 3 && seen.memory > 1 << 20, "{seen:?}");
        assert!(!lines().iter().any(|line| line.contains("97641")));
    }
}
