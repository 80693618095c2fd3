//! Details of a failing run: its system calls, and where the program stopped.

use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use bringup_model::outcome::Outcome;
use bringup_runner::interrupt;
use bringup_runner::jobs::Jobs;
use bringup_runner::one_test::Conditions;
use bringup_runner::sandbox::Tracing;

use super::gdb::{self, End, Register, Stop, Stub, shown};
use super::prepare::PreparedTest;
use super::symbols::{self, Modules};

/// The most system calls in a capture.
const CALLS: usize = 60;

/// The most runs of a capture: a flaky test may pass at first.
const TRIES: usize = 3;

/// How long a hanging program runs before it is stopped.
const HANG: Duration = Duration::from_secs(10);

/// Bytes of the stack that are searched for return addresses, and the most frames in a capture.
const STACK: usize = 64 * 1024;
const FRAMES: usize = 32;

/// Names of the program counter in gdb stubs.
const PROGRAM_COUNTER: &[&str] = &["pc", "rip", "eip", "pswa"];

/// Names of the stack pointer and the link register in gdb stubs, if target.toml has none.
const STACK_POINTER: &[&str] = &["sp", "rsp", "esp"];
const LINK_REGISTER: &[&str] = &["lr", "ra"];

/// The most threads in a capture.
const THREADS: usize = 8;

/// The most lines of an emulator's last output in an error.
const LAST_WORDS: usize = 5;

/// Where a program stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halt {
    /// The signal's name, or how the program ended.
    pub why: String,
    /// The threads, the one with the signal first; none if the program ended without a signal.
    pub threads: Vec<Thread>,
}

/// The state of a stopped thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// The program counter and its function.
    pub pc: String,
    /// Functions of the return addresses in the link register and on the stack, innermost first. Some may be stale.
    pub frames: Vec<String>,
    /// Names and values of the general registers.
    pub registers: Vec<(String, String)>,
}

/// The last system calls of the test in a failing run, from QEMU's `-strace`.
pub fn calls(prepared: &PreparedTest, folder: &Path, limit: Duration, jobs: &Jobs) -> Result<Vec<String>> {
    for number in 0..TRIES {
        let folder = folder.join(format!("strace{number}"));
        fs_err::create_dir_all(&folder)?;
        let file = folder.join("strace");
        let options = ["-strace".into(), "-D".into(), file.clone().into()].to_vec();
        let tracing = Tracing { options, ..Tracing::default() };
        let ran = prepared.subject.run(
            &prepared.sandbox,
            &folder,
            &Conditions { limit, jobs: Some(jobs), tracing: &tracing },
        )?;
        if ran.outcome.is_failure() {
            let text = fs_err::read(&file).context("the emulator wrote no trace of system calls")?;
            let text = String::from_utf8_lossy(&text).into_owned();
            let reported = prepared.subject.test.is_some() && ran.outcome == Outcome::Fail;
            return Ok(of_the_test(&text.lines().collect::<Vec<_>>(), reported));
        }
    }
    bail!("the test does not fail with -strace")
}

/// The harness writes two events before a test, and two after one that it reports as failed.
fn of_the_test(lines: &[&str], reported: bool) -> Vec<String> {
    let writes = || (0..lines.len()).filter(|&line| lines[line].contains(" write(1,"));
    let end = if reported { writes().rev().nth(1).map(|line| line + 1) } else { None }.unwrap_or(lines.len());
    let start = if reported { writes().nth(1).map(|line| line + 1).filter(|start| *start < end) } else { None };
    let start = start.unwrap_or(0).max(end.saturating_sub(CALLS));
    lines[start..end].iter().map(|line| (*line).to_owned()).collect()
}

/// Runs the test under QEMU's gdb stub until it fails in the same way: until its last signal, or until it hangs.
pub fn halt(prepared: &PreparedTest, outcome: Outcome, folder: &Path, jobs: &Jobs) -> Result<Halt> {
    for number in 0..TRIES {
        let folder = folder.join(format!("gdb{number}"));
        fs_err::create_dir_all(&folder)?;
        if let Some(halt) = halt_once(prepared, outcome == Outcome::Timeout, &folder, jobs)? {
            return Ok(halt);
        }
    }
    bail!("the test does not fail under the gdb stub")
}

fn halt_once(prepared: &PreparedTest, hangs: bool, folder: &Path, jobs: &Jobs) -> Result<Option<Halt>> {
    let socket = folder.join("gdb");
    // A stub does not listen while the program runs, so a signal from outside stops a hanging program.
    let words = ["timeout", "--foreground", "-s", "QUIT", &HANG.as_secs().to_string()].map(OsString::from);
    let before = if hangs { words.to_vec() } else { Vec::new() };
    let tracing = Tracing { before, options: vec!["-g".into(), socket.clone().into()] };
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| {
            let conditions = Conditions { limit: 6 * HANG, jobs: Some(jobs), tracing: &tracing };
            let ran = prepared.subject.run(&prepared.sandbox, folder, &conditions);
            ended.store(true, Ordering::Relaxed);
            ran
        });
        let followed = Stub::connect(&socket, || !ended.load(Ordering::Relaxed)).and_then(|mut stub| {
            let elf = &prepared.target.elf;
            let registers = stub.registers(&prepared.target.qemu.registers, elf.class.into())?;
            let followed = follow(&mut stub, hangs, |stub, all| look(stub, prepared, &registers, all));
            stub.kill();
            followed
        });
        let ran = running.join().unwrap_or_else(|_| bail!("the thread that ran the program panicked"));
        interrupt::check()?;
        let ran = ran?;
        match followed {
            Ok(Followed::Stood(halt)) => Ok(Some(halt)),
            Ok(Followed::Ended(_)) if !ran.outcome.is_failure() => Ok(None),
            // The table has the harness's reason, so use the same one here.
            Ok(Followed::Ended(end)) => {
                let why = ran.reason.unwrap_or_else(|| end.to_string());
                Ok(Some(Halt { why, threads: Vec::new() }))
            }
            Err(error) => Err(with_last_words(&error, &ran.output)),
        }
    })
}

/// Adds the emulator's last output: it says why there is no stub.
fn with_last_words(error: &anyhow::Error, printed: &str) -> anyhow::Error {
    let lines: Vec<&str> = printed.lines().collect();
    let last = &lines[lines.len().saturating_sub(LAST_WORDS)..];
    if last.is_empty() { anyhow!("{error:#}") } else { anyhow!("{error:#}; its last output:\n{}", last.join("\n")) }
}

/// The end of a program under the stub.
#[derive(Debug, PartialEq, Eq)]
enum Followed {
    /// It stopped, by a signal or because it hung.
    Stood(Halt),
    /// It ended by itself.
    Ended(End),
}

/// GDB's numbers of the signals of a program's own fault: ILL, TRAP, ABRT, FPE, BUS, SEGV, SYS. A program that catches one may
/// exit by itself, but the signal is still the reason.
const FAULTS: [u8; 7] = [4, 5, 6, 8, 10, 11, 12];

/// GDB's numbers of the signals that do not end a program by themselves: URG, STOP, TSTP, CONT, CHLD, TTIN, TTOU, WINCH.
const HARMLESS: [u8; 8] = [16, 17, 18, 19, 20, 21, 22, 28];
const QUIT: u8 = 3;

/// Runs the program to its end. A handler may catch a signal, so only the last signal counts.
fn follow(
    stub: &mut Stub,
    hangs: bool,
    mut look: impl FnMut(&mut Stub, bool) -> Result<Vec<Thread>>,
) -> Result<Followed> {
    let end = Instant::now() + 5 * HANG;
    let (mut last, mut signal) = (None, 0);
    loop {
        match stub.go_on(signal, end)? {
            Some(Stop::Signal(QUIT)) if hangs => {
                let why = format!("stopped after {} s", HANG.as_secs());
                return Ok(Followed::Stood(Halt { why, threads: look(stub, true)? }));
            }
            Some(Stop::Signal(number)) => {
                if !HARMLESS.contains(&number) {
                    last = Some((number, look(stub, false)?));
                }
                signal = number;
            }
            Some(Stop::Ended(end)) => {
                let counts = |number| match end {
                    End::Signal(by) => by == number,
                    End::Status(_) | End::Silent => FAULTS.contains(&number),
                };
                return Ok(match last {
                    Some((number, threads)) if counts(number) => {
                        let then = if let End::Status(_) = end { format!(", then {end}") } else { String::new() };
                        Followed::Stood(Halt { why: gdb::signal_name(number) + &then, threads })
                    }
                    _ => Followed::Ended(end),
                });
            }
            None => bail!("the program still runs under the gdb stub"),
        }
    }
}

/// Reads the state of the stopped thread, or of every thread if `all`.
fn look(stub: &mut Stub, prepared: &PreparedTest, registers: &[Register], all: bool) -> Result<Vec<Thread>> {
    let elf = &prepared.target.elf;
    let (word, big) = (usize::from(elf.class / 8), elf.big_endian);
    let loader = symbols::loader(&prepared.sysroot, &prepared.target.musl.loader);
    let auxv = stub.object("auxv:read:")?;
    let modules = Modules::locate(&prepared.subject.program, &loader, &auxv, word, big)?;
    let reader = ThreadReader { prepared, registers, modules, word, big };
    let mut threads = Vec::new();
    if all {
        for thread in stub.threads()?.iter().take(THREADS) {
            stub.select(thread)?;
            threads.push(reader.thread(stub)?);
        }
    } else {
        threads.push(reader.thread(stub)?);
    }
    Ok(threads)
}

struct ThreadReader<'a> {
    prepared: &'a PreparedTest,
    registers: &'a [Register],
    modules: Modules,
    /// Bytes of an address.
    word: usize,
    big: bool,
}

impl ThreadReader<'_> {
    fn thread(&self, stub: &mut Stub) -> Result<Thread> {
        let counter = self.named(None, PROGRAM_COUNTER).context("the gdb stub names no program counter")?;
        let pc = symbols::number(&stub.register(counter)?, self.big);
        let qemu = &self.prepared.target.qemu;
        let link = self.address(stub, qemu.link_register.as_deref(), LINK_REGISTER)?;
        let stack = match self.address(stub, qemu.stack_register.as_deref(), STACK_POINTER)? {
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

    /// The register with this name, or else with one of the usual names.
    fn named(&self, own: Option<&str>, usual: &[&str]) -> Option<&Register> {
        let mut names = own.into_iter().chain(usual.iter().copied());
        names.find_map(|name| self.registers.iter().find(|register| register.name == name))
    }

    /// The value of that register.
    fn address(&self, stub: &mut Stub, own: Option<&str>, usual: &[&str]) -> Result<Option<u64>> {
        let register = self.named(own, usual);
        register.map(|register| Ok(symbols::number(&stub.register(register)?, self.big))).transpose()
    }
}

/// The stack from `sp` on, as far as memory is mapped.
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
    use super::super::gdb::tests::stub;
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
        // A test that crashes is still running at the end.
        assert_eq!(of_the_test(&lines[..5], false), lines[..5]);
        assert_eq!(of_the_test(&[], true), [""; 0]);
        let many: Vec<String> = (0..100).map(|number| format!("1 call({number})")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(of_the_test(&many, false), many[40..]);
    }

    /// Follows a program that does this under the stub.
    fn followed(hangs: bool, script: Vec<(&'static str, &'static str)>) -> Followed {
        let (_folder, serving, mut stub) = stub(script);
        let thread = Thread { pc: "0x10".into(), frames: Vec::new(), registers: Vec::new() };
        let followed = follow(&mut stub, hangs, |_, all| Ok(vec![thread.clone(); 1 + usize::from(all)])).unwrap();
        serving.join().unwrap();
        followed
    }

    #[test]
    fn it_stands_at_the_signal_that_ends_it() {
        let stood = |followed| match followed {
            Followed::Stood(halt) => (halt.why, halt.threads.len()),
            Followed::Ended(end) => (end.to_string(), 0),
        };
        let cases = [
            // GDB has its own numbers: 30 is SIGUSR1, 20 is SIGCHLD.
            (vec![("c", "T0b"), ("C0b", "X0b")], ("SIGSEGV", 1)),
            (vec![("c", "T14"), ("C14", "T1e"), ("C1e", "X1e")], ("SIGUSR1", 1)),
            (vec![("c", "T0b"), ("C0b", "W65")], ("SIGSEGV, then exit status 101", 1)),
            // A signal that was caught is not the reason.
            (vec![("c", "T1e"), ("C1e", "W03")], ("exit status 3", 0)),
            (vec![("c", "T1e"), ("C1e", "X0d")], ("SIGPIPE", 0)),
            (vec![("c", "W03")], ("exit status 3", 0)),
            (vec![], ("the gdb stub closed the connection", 0)),
        ];
        for (script, (why, threads)) in cases {
            assert_eq!(stood(followed(false, script)), (why.to_owned(), threads));
        }
        assert_eq!(stood(followed(true, vec![("c", "T03")])), ("stopped after 10 s".into(), 2));
        assert_eq!(stood(followed(false, vec![("c", "T03"), ("C03", "X03")])), ("SIGQUIT".into(), 1));
    }

    #[test]
    fn what_an_emulator_said_last_is_told() {
        let told = |printed| with_last_words(&anyhow!("no stub"), printed).to_string();
        assert_eq!(told(""), "no stub");
        assert_eq!(told("1\n2\n3\n4\n5\n6\n"), "no stub; its last output:\n2\n3\n4\n5\n6");
    }
}
