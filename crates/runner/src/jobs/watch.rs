//! The watcher of a pool of jobs.

use std::path::Path;
use std::sync::Weak;
use std::time::Duration;

use super::{Pool, TICK, Tokens, alive};
use crate::process_tree;

/// A test program that uses less than this share of a processor may be asleep; one that uses more than [`AWAKE`] is
/// not.
const ASLEEP: f64 = 0.2;
const AWAKE: f64 = 0.5;

/// A test program that holds a token, with everything that it has started.
#[derive(Debug, Default)]
pub(super) struct Holder {
    /// Processor time at the last look. The first look cannot tell how busy the program is.
    cpu: Option<Duration>,
    /// Whether its token is in the pool while it sleeps.
    pub lent: bool,
}

/// Runs until the pool is gone.
pub(super) fn run(pool: &Weak<Pool>, reserve: u64) {
    let mut idle = false;
    let mut warned = false;
    while let Some(pool) = alive(pool) {
        let mut state = pool.state();
        lend(&pool, &mut state);
        watch_memory(&pool, &mut state, reserve, &mut warned);
        // A tool that is killed does not return the tokens that it had taken. The pool must be idle twice in a row,
        // because a token may be on its way from the pool to its holder.
        let now_idle = state.held == 0;
        if idle && now_idle {
            refill(&pool, &mut state);
        }
        idle = now_idle;
    }
}

/// Looks at every test program once.
pub(super) fn lend(pool: &Pool, state: &mut Tokens) {
    let mut lent = 0;
    for (pid, program) in &mut state.programs {
        let cpu = process_tree::cpu_time(*pid);
        let Some(before) = program.cpu.replace(cpu) else { continue };
        let busy = cpu.saturating_sub(before).as_secs_f64() / TICK.as_secs_f64();
        if !program.lent && busy < ASLEEP && !process_tree::is_runnable(*pid) {
            program.lent = true;
            lent += 1;
        } else if program.lent && busy > AWAKE {
            program.lent = false;
            state.owed += 1;
        }
    }
    for _ in 0..lent {
        pool.give(state);
    }
}

/// Withholds a token while memory is short, and returns one when there is enough again.
pub(super) fn watch_memory(pool: &Pool, state: &mut Tokens, reserve: u64, warned: &mut bool) {
    let Some(available) = available_memory() else { return };
    if available < reserve {
        if state.withheld + 1 < pool.total {
            state.withheld += 1;
            state.owed += 1;
            if !std::mem::replace(warned, true) {
                (pool.warn)(&format!(
                    "only {} MiB of memory are available: fewer jobs run until there is more",
                    available >> 20
                ));
            }
        }
    } else if state.withheld > 0 && available >= reserve.saturating_add(reserve / 2) {
        state.withheld -= 1;
        pool.give(state);
    }
}

fn refill(pool: &Pool, state: &mut Tokens) {
    let wanted = pool.total - state.withheld + state.owed;
    let there = pool.client.available().unwrap_or(wanted);
    for _ in there..wanted {
        pool.give(state);
    }
}

/// Bytes that can be allocated without swapping, according to the kernel and the limit of the control group.
fn available_memory() -> Option<u64> {
    let meminfo = fs_err::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let machine = line.split_whitespace().next()?.parse::<u64>().ok()? << 10;
    let number = |name: &str| {
        let text = fs_err::read_to_string(Path::new("/sys/fs/cgroup").join(name)).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let group = number("memory.max").zip(number("memory.current"));
    Some(group.map_or(machine, |(limit, used)| machine.min(limit.saturating_sub(used))))
}
