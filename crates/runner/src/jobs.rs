//! The budget of jobs: one pool of tokens that every compiler, make, cargo and emulator draws from.
//!
//! The pool is GNU make's jobserver, which make, cargo and rustc support. A process holds one token while it runs.
//! Tools that start other processes take more tokens from the same pool.
//!
//! A watcher adjusts the pool: a test program that sleeps lends its token until it works again, and a token is withheld
//! while memory is short.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::Pid;

use crate::interrupt;

mod watch;

/// How a process uses the budget, besides holding one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// A tool that may take more tokens for processes that it starts.
    Tool,
    /// A tool that closes inherited files, such as cargo: it finds the pool by a path. make supports that from 4.4 on.
    ByPath,
    /// A test program. It does not know the pool, and lends its token while it sleeps.
    Program,
    /// A test program on another machine, whose budget this is. Whether it sleeps is not visible here.
    Elsewhere,
}

/// A budget of jobs. Clones share one pool.
#[derive(Clone)]
pub struct Jobs(Arc<Pool>);

struct Pool {
    client: jobserver::Client,
    total: usize,
    state: Mutex<Tokens>,
    /// Called once, when memory gets short.
    warn: Box<dyn Fn(&str) + Send + Sync>,
}

#[derive(Default)]
struct Tokens {
    /// Tokens that our processes hold or have lent.
    held: usize,
    /// Running test programs by the process ID of their supervisor.
    programs: HashMap<Pid, watch::Holder>,
    /// How many of the next returned tokens do not go back into the pool.
    owed: usize,
    /// How many jobs are withheld because memory is short.
    withheld: usize,
}

/// A token, returned on drop.
#[must_use = "a token that is dropped at once allows nothing"]
pub(crate) struct Token {
    pool: Arc<Pool>,
    program: Option<Pid>,
}

impl Jobs {
    /// A budget of `total` jobs. While fewer than `reserve` bytes of memory are available, jobs are withheld; `warn` is
    /// called the first time.
    ///
    /// # Errors
    ///
    /// If the pool or the thread that watches it cannot be created.
    pub fn new(total: usize, reserve: u64, warn: impl Fn(&str) + Send + Sync + 'static) -> Result<Self> {
        let client = jobserver::Client::new(total).context("creating the pool of jobs")?;
        let pool = Arc::new(Pool { client, total, state: Mutex::default(), warn: Box::new(warn) });
        let weak = Arc::downgrade(&pool);
        std::thread::Builder::new()
            .name("jobs".into())
            .spawn(move || watch::run(&weak, reserve))
            .context("starting the thread that watches the jobs")?;
        Ok(Self(pool))
    }

    /// The number of jobs in the budget.
    pub fn total(&self) -> usize {
        self.0.total
    }

    /// Waits for a token.
    ///
    /// # Errors
    ///
    /// If the run is interrupted, or the pool cannot be read.
    pub(crate) fn acquire(&self) -> Result<Token> {
        interrupt::check()?;
        // On an interrupt every holder is killed and returns its token, so this wait ends.
        self.0.client.acquire_raw().context("waiting for a job to be free")?;
        self.0.state().held += 1;
        let token = Token { pool: Arc::clone(&self.0), program: None };
        interrupt::check()?;
        Ok(token)
    }

    /// Tells a command that is about to start where the pool is, if it may take tokens.
    pub(super) fn configure(&self, command: &mut std::process::Command, share: Share) {
        match share {
            Share::Tool => self.0.client.configure_make(command),
            Share::ByPath => {
                self.0.client.configure_make(command);
                let words = |value: &OsStr| value.to_string_lossy().split(' ').find_map(first_file);
                let file = command.get_envs().find_map(|(_, value)| words(value?));
                // Opening this path gives the same pipe.
                let place = file.map(|file| format!("fifo:/proc/{}/fd/{file}", std::process::id()));
                let flags = place.map_or_else(String::new, |place| format!("-j --jobserver-auth={place}"));
                for variable in ["MAKEFLAGS", "CARGO_MAKEFLAGS"] {
                    command.env(variable, &flags);
                }
            }
            Share::Program | Share::Elsewhere => {}
        }
    }
}

impl Token {
    /// Lends the token while the test program below this process sleeps.
    pub(super) fn watch(&mut self, pid: Pid) {
        self.pool.state().programs.insert(pid, watch::Holder::default());
        self.program = Some(pid);
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        state.held -= 1;
        let program = self.program.and_then(|pid| state.programs.remove(&pid));
        if !program.is_some_and(|program| program.lent) {
            self.pool.give(&mut state);
        }
    }
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, Tokens> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, state: &mut Tokens) {
        if state.owed > 0 {
            state.owed -= 1;
        } else {
            // The pipe is ours, so a write to it does not fail.
            let _ = self.client.release_raw();
        }
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jobs({})", self.0.total)
    }
}

/// The number of the pipe's first descriptor, if this is the word of make's flags that contains it.
fn first_file(word: &str) -> Option<u32> {
    word.strip_prefix("--jobserver-auth=")?.split(',').next()?.parse().ok()
}

/// The time between two looks of the watcher.
const TICK: Duration = Duration::from_millis(100);

/// The pool, as long as it is in use.
fn alive(pool: &Weak<Pool>) -> Option<Arc<Pool>> {
    std::thread::sleep(TICK);
    pool.upgrade()
}

#[cfg(test)]
mod tests {
    use rustix::process::Signal;

    use super::*;
    use crate::exec::Cmd;
    use crate::process_tree;

    fn jobs(total: usize) -> Jobs {
        Jobs::new(total, 0, |_| ()).unwrap()
    }

    /// Runs a script that holds the only token, calls `look` while it runs, and has it end then: it is to read from its
    /// input.
    fn while_running<T>(share: Share, script: &str, look: impl FnOnce(&Jobs) -> T) -> T {
        let jobs = jobs(1);
        let (input, end) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
        let program = Cmd::new("sh").args(["-c", script]).stdin(Arc::new(input.into())).within(&jobs, share);
        let looked = std::thread::scope(|scope| {
            let running = scope.spawn(|| program.output().map(drop));
            while jobs.0.state().held == 0 {
                std::thread::yield_now();
            }
            let looked = look(&jobs);
            drop(end);
            running.join().unwrap().unwrap();
            looked
        });
        assert_eq!(jobs.0.client.available().unwrap(), 1);
        looked
    }

    #[test]
    fn a_sleeping_test_program_lends_its_token() {
        while_running(Share::Program, "read line", |jobs| {
            // The program ends after this: the token can only be a lent one.
            let token = jobs.acquire().unwrap();
            assert_eq!(jobs.0.state().held, 2);
            drop(token);
        });
    }

    #[test]
    fn a_tool_does_not_lend_its_token() {
        let watched = while_running(Share::Tool, "read line", |jobs| jobs.0.state().programs.len());
        assert_eq!(watched, 0);
    }

    #[test]
    fn a_test_program_whose_child_works_is_not_asleep() {
        let spin = "setsid sh -c 'while :; do :; done' & read line; kill $!";
        while_running(Share::Program, spin, |jobs| {
            let pid = loop {
                let pid = jobs.0.state().programs.keys().next().copied();
                if let Some(pid) = pid.filter(|pid| process_tree::cpu_time(*pid) > Duration::from_millis(50)) {
                    break pid;
                }
                std::thread::yield_now();
            };
            let mut state = jobs.0.state();
            for _ in 0..3 {
                watch::lend(&jobs.0, &mut state);
                assert!(!state.programs[&pid].lent);
            }
        });
    }

    #[test]
    fn a_program_that_has_just_started_is_not_taken_for_asleep() {
        let jobs = jobs(1);
        let _token = jobs.acquire().unwrap();
        #[expect(clippy::disallowed_methods, reason = "its number has to be known")]
        let mut sleeper = std::process::Command::new("sh").args(["-c", "sleep 97651 & wait"]).spawn().unwrap();
        let pid = Pid::from_child(&sleeper);
        let sleeps = |pid| process_tree::command_line(pid).is_some_and(|line| line == "sleep 97651");
        while !process_tree::below(pid).into_iter().any(sleeps) || process_tree::is_runnable(pid) {
            std::thread::yield_now();
        }
        let mut state = jobs.0.state();
        state.programs.insert(pid, watch::Holder::default());
        let looks = [(); 2].map(|()| {
            watch::lend(&jobs.0, &mut state);
            state.programs[&pid].lent
        });
        state.programs.clear();
        for pid in process_tree::below(pid) {
            rustix::process::kill_process(pid, Signal::KILL).unwrap();
        }
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        assert_eq!(looks, [false, true]);
    }

    #[test]
    fn tokens_that_a_killed_tool_took_with_it_come_back() {
        let jobs = jobs(3);
        for _ in 0..3 {
            jobs.0.client.acquire_raw().unwrap();
        }
        let tokens: Vec<Token> = (0..3).map(|_| jobs.acquire().unwrap()).collect();
        drop(tokens);
        assert_eq!(jobs.0.client.available().unwrap(), 3);
    }

    #[test]
    fn memory_that_is_short_holds_tokens_back_but_never_the_last() {
        let jobs = Jobs::new(3, u64::MAX, |_| ()).unwrap();
        let tokens: Vec<Token> = (0..3).map(|_| jobs.acquire().unwrap()).collect();
        while jobs.0.state().withheld < 2 {
            std::thread::yield_now();
        }
        let mut state = jobs.0.state();
        for _ in 0..3 {
            watch::watch_memory(&jobs.0, &mut state, u64::MAX, &mut true);
        }
        drop(state);
        drop(tokens);
        assert_eq!((jobs.0.state().withheld, jobs.0.client.available().unwrap()), (2, 1));
    }

    #[test]
    fn a_tool_that_closes_its_files_finds_the_budget_too() {
        let jobs = jobs(3);
        let take = "from=${MAKEFLAGS#*fifo:}; head -c 2 <\"$from\" | wc -c";
        let taken = Cmd::new("sh").args(["-c", &format!("exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; {take}")]);
        assert_eq!(taken.within(&jobs, Share::ByPath).read().unwrap(), "2");
        assert_eq!(jobs.0.client.available().unwrap(), 1);
    }

    #[test]
    fn make_and_what_it_starts_share_the_budget() {
        let jobs = jobs(2);
        let folder = tempfile::tempdir().unwrap();
        // Two that wait for each other show that two run at once. The pause gives a third the chance to be seen.
        let count = "mkdir run-$@; ls -d run-* | wc -l >>seen; sleep 0.2; rmdir run-$@";
        let rules = format!("all: a b c d\na c:\n\t@echo >pipe; {count}\nb d:\n\t@read line <pipe; {count}\n");
        Cmd::new("mkfifo").arg(folder.path().join("pipe")).read().unwrap();
        fs_err::write(folder.path().join("Makefile"), rules).unwrap();
        let make = Cmd::new("make").dir(folder.path()).timeout(Duration::from_mins(1)).within(&jobs, Share::Tool);
        make.read().unwrap();
        let seen = fs_err::read_to_string(folder.path().join("seen")).unwrap();
        assert!(seen.split_whitespace().count() == 4 && seen.split_whitespace().max() <= Some("2"), "{seen}");
    }
}
