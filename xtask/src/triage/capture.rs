//! What can be seen of a failing run: its system calls, and where it stood.

use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::gdb::{Register, Stop, Stub, shown};
use super::place::Place;
use super::symbols::{self, Modules};
use crate::model::outcome::Outcome;
use crate::run::interrupt;
use crate::run::jobs::Jobs;
use crate::run::sandbox::Tracing;

/// Lines of the system calls that are kept.
const CALLS: usize = 60;

/// How many runs a capture may take: what fails now and then need not fail in the first.
const TRIES: usize = 3;

/// How long a program that hangs is given before it is looked at.
const HANG: Duration = Duration::from_secs(10);

/// Of a stack, this much is looked through for return addresses, and as many are shown.
const STACK: usize = 64 * 1024;
const FRAMES: usize = 32;

/// What stubs call the program counter.
const PROGRAM_COUNTER: &[&str] = &["pc", "rip", "eip", "pswa"];

/// Threads that are looked at.
const THREADS: usize = 8;

/// Where a program stood.
#[derive(Debug, Clone)]
pub struct Halt {
    /// Why it stood: a signal's name, or that it was stopped.
    pub why: String,
    /// Its threads; the one that got the signal first.
    pub threads: Vec<Thread>,
}

/// Where a thread stood.
#[derive(Debug, Clone)]
pub struct Thread {
    /// The program counter, and the function there.
    pub pc: String,
    /// Functions whose return addresses are in the link register or on the stack, innermost first; stale ones among them.
    pub frames: Vec<String>,
    /// The general registers.
    pub registers: Vec<(String, String)>,
}

/// The end of what QEMU's `-strace` says of a failing run, as far as it is about the test.
pub fn calls(place: &Place, folder: &Path, limit: Duration, jobs: &Jobs) -> Result<Vec<String>> {
    for number in 0..TRIES {
        let folder = folder.join(format!("strace{number}"));
        fs_err::create_dir_all(&folder)?;
        let file = folder.join("strace");
        let options = ["-strace".into(), "-D".into(), file.clone().into()].to_vec();
        let tracing = Tracing { options, ..Tracing::default() };
        let ran = place.subject.run(&place.sandbox, &folder, limit, Some(jobs), &tracing)?;
        if ran.outcome.is_failure() {
            let text = fs_err::read(&file).context("the emulator wrote no trace of system calls")?;
            let text = String::from_utf8_lossy(&text).into_owned();
            let reported = place.subject.test.is_some() && ran.outcome == Outcome::Fail;
            return Ok(of_the_test(&text.lines().collect::<Vec<_>>(), reported));
        }
    }
    bail!("with -strace it does not fail")
}

/// The harness writes two events before a test, and two after one that it reports as failed.
fn of_the_test(lines: &[&str], reported: bool) -> Vec<String> {
    let writes = || (0..lines.len()).filter(|&line| lines[line].contains(" write(1,"));
    let end = if reported { writes().rev().nth(1).map(|line| line + 1) } else { None }.unwrap_or(lines.len());
    let start = if reported { writes().nth(1).map(|line| line + 1).filter(|start| *start < end) } else { None };
    let start = start.unwrap_or(0).max(end.saturating_sub(CALLS));
    lines[start..end].iter().map(|line| (*line).to_owned()).collect()
}

/// Runs it under QEMU's gdb stub until it fails as it did: to the signal that ends it, or to where it hangs.
pub fn halt(place: &Place, outcome: Outcome, folder: &Path, jobs: &Jobs) -> Result<Halt> {
    for number in 0..TRIES {
        let folder = folder.join(format!("gdb{number}"));
        fs_err::create_dir_all(&folder)?;
        if let Some(halt) = halt_once(place, outcome == Outcome::Timeout, &folder, jobs)? {
            return Ok(halt);
        }
    }
    bail!("under the gdb stub it does not fail")
}

fn halt_once(place: &Place, hangs: bool, folder: &Path, jobs: &Jobs) -> Result<Option<Halt>> {
    let socket = folder.join("gdb");
    // A stub does not listen while the program runs: a signal from outside is what stops one that hangs.
    let words = ["timeout", "--foreground", "-s", "QUIT", &HANG.as_secs().to_string()].map(OsString::from);
    let before = if hangs { words.to_vec() } else { Vec::new() };
    let tracing = Tracing { before, options: vec!["-g".into(), socket.clone().into()] };
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| {
            let ran = place.subject.run(&place.sandbox, folder, 6 * HANG, Some(jobs), &tracing);
            ended.store(true, Ordering::Relaxed);
            ran
        });
        let halt = Stub::connect(&socket, || !ended.load(Ordering::Relaxed)).and_then(|mut stub| {
            let halt = follow(&mut stub, place, hangs);
            stub.kill();
            halt
        });
        let ran = running.join().unwrap_or_else(|_| bail!("the thread that ran the program panicked"));
        interrupt::check()?;
        ran.and(halt)
    })
}

/// GDB's numbers of the signals that tell of a fault of the program's own.
const FAULTS: [(u8, &str); 7] =
    [(4, "SIGILL"), (5, "SIGTRAP"), (6, "SIGABRT"), (8, "SIGFPE"), (10, "SIGBUS"), (11, "SIGSEGV"), (12, "SIGSYS")];
const QUIT: u8 = 3;

/// Lets it run to its end. A handler may catch a fault, so the last one counts.
fn follow(stub: &mut Stub, place: &Place, hangs: bool) -> Result<Option<Halt>> {
    let registers = stub.registers()?;
    let end = Instant::now() + 5 * HANG;
    let (mut halt, mut signal) = (None, 0);
    loop {
        match stub.go_on(signal, end)? {
            Some(Stop::Signal(QUIT)) if hangs => {
                let why = format!("stopped after {} s", HANG.as_secs());
                return look(stub, place, &registers, why, true).map(Some);
            }
            Some(Stop::Signal(number)) => {
                if let Some((_, name)) = FAULTS.iter().find(|(fault, _)| *fault == number) {
                    halt = Some(look(stub, place, &registers, (*name).to_owned(), false)?);
                }
                signal = number;
            }
            Some(Stop::Ended) => return Ok(halt),
            None => bail!("the program goes on under the gdb stub"),
        }
    }
}

/// Looks at the thread that has stopped, and at the others if `all`.
fn look(stub: &mut Stub, place: &Place, registers: &[Register], why: String, all: bool) -> Result<Halt> {
    let elf = &place.target.elf;
    let (word, big) = (usize::from(elf.class / 8), elf.big_endian);
    let loader = symbols::loader(&place.sysroot, &place.target.musl.loader);
    let auxv = stub.object("auxv:read:")?;
    let modules = Modules::place(&place.subject.program, &loader, &auxv, word, big)?;
    let view = View { place, registers, modules, word, big };
    let mut threads = Vec::new();
    if all {
        for thread in stub.threads()?.iter().take(THREADS) {
            stub.select(thread)?;
            threads.push(view.thread(stub)?);
        }
    } else {
        threads.push(view.thread(stub)?);
    }
    Ok(Halt { why, threads })
}

struct View<'a> {
    place: &'a Place,
    registers: &'a [Register],
    modules: Modules,
    /// Bytes of an address.
    word: usize,
    big: bool,
}

impl View<'_> {
    fn thread(&self, stub: &mut Stub) -> Result<Thread> {
        let counter = self.named(PROGRAM_COUNTER).context("the gdb stub names no program counter")?;
        let pc = symbols::number(&stub.register(counter)?, self.big);
        let stack_register = self.place.target.qemu.stack_register.as_deref();
        let names: Vec<&str> = stack_register.into_iter().chain(["sp", "rsp", "esp"]).collect();
        let link = self.address(stub, &["lr", "ra"])?;
        let stack = match self.address(stub, &names)? {
            Some(sp) => stack(stub, sp),
            None => Vec::new(),
        };
        let words = stack.chunks_exact(self.word).map(|bytes| symbols::number(bytes, self.big));
        let mut frames: Vec<String> = link.into_iter().chain(words).filter_map(|at| self.modules.caller(at)).collect();
        frames.dedup();
        frames.truncate(FRAMES);
        let function = self.modules.name(pc).map_or_else(String::new, |name| format!(" {name}"));
        let mut registers = Vec::new();
        let general = |register: &&Register| register.part == counter.part && register.bits == 8 * self.word;
        for register in self.registers.iter().filter(general) {
            registers.push((register.name.clone(), shown(&stub.register(register)?, self.big)));
        }
        Ok(Thread { pc: format!("{pc:#x}{function}"), frames, registers })
    }

    /// The register that has one of these names.
    fn named(&self, names: &[&str]) -> Option<&Register> {
        names.iter().find_map(|name| self.registers.iter().find(|register| register.name == **name))
    }

    /// What that holds.
    fn address(&self, stub: &mut Stub, names: &[&str]) -> Result<Option<u64>> {
        self.named(names).map(|register| Ok(symbols::number(&stub.register(register)?, self.big))).transpose()
    }
}

/// The stack from `sp` on, as far as there is one.
fn stack(stub: &mut Stub, sp: u64) -> Vec<u8> {
    const PIECE: usize = 512;
    let mut stack = Vec::new();
    while stack.len() < STACK {
        match stub.memory(sp + stack.len() as u64, PIECE) {
            Ok(piece) => stack.extend(piece),
            Err(_) => break,
        }
    }
    stack
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_system_calls_those_of_the_test_are_kept() {
        let lines = [
            "1 mmap()",
            "1 write(1,0x1,9) = 9",
            "1 write(1,0x1,9) = 9",
            "1 ioctl()",
            "1 write(2,0x1,1)",
            "1 write(1,0x1,9) = 9",
            "1 write(1,0x1,9) = 9",
            "1 exit(1)",
        ];
        assert_eq!(of_the_test(&lines, true), lines[3..6]);
        // One that crashes is in flight at the end.
        assert_eq!(of_the_test(&lines[..5], false), lines[..5]);
        assert_eq!(of_the_test(&[], true), [""; 0]);
        let many: Vec<String> = (0..100).map(|number| format!("1 call({number})")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(of_the_test(&many, false), many[40..]);
    }
}
