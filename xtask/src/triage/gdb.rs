//! The part of GDB's remote serial protocol that finds out where a program stopped under QEMU's stub.
//!
//! The stub describes the numbers and widths of its registers (`target.xml`). If it does not, target.toml lists the
//! registers.

mod description;

use std::collections::VecDeque;
use std::fmt;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bringup_model::digest::hex;
use bringup_runner::interrupt;

use self::description::{includes, registers};

pub use self::description::Register;

/// Time limit of one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Interval at which a wait checks its condition.
const TICK: Duration = Duration::from_millis(100);

/// A connection to a stub.
pub struct Stub {
    stream: UnixStream,
    read: VecDeque<u8>,
    /// Whether the stub has closed the connection.
    gone: bool,
}

/// Why a program stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// By this signal, in GDB's numbering.
    Signal(u8),
    Ended(End),
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this exit status.
    Status(u8),
    /// By this signal, in GDB's numbering.
    Signal(u8),
    /// The stub closed the connection, as it does when QEMU is killed.
    Silent,
}

/// GDB's names of signals; the first has the number 1. The numbers differ from the system's.
const SIGNALS: [&str; 32] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "EMT", "FPE", "KILL", "BUS", "SEGV", "SYS", "PIPE", "ALRM", "TERM",
    "URG", "STOP", "TSTP", "CONT", "CHLD", "TTIN", "TTOU", "IO", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "LOST",
    "USR1", "USR2", "PWR",
];

/// The name of a signal, by GDB's number.
pub fn signal_name(number: u8) -> String {
    let name = usize::from(number).checked_sub(1).and_then(|index| SIGNALS.get(index));
    name.map_or_else(|| format!("GDB's signal {number}"), |name| format!("SIG{name}"))
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "exit status {status}"),
            Self::Signal(number) => f.write_str(&signal_name(*number)),
            Self::Silent => f.write_str("the gdb stub closed the connection"),
        }
    }
}

impl Stub {
    /// Waits for the socket and connects to it. `alive` says whether the socket can still appear.
    pub fn connect(socket: &Path, alive: impl Fn() -> bool) -> Result<Self> {
        let end = Instant::now() + PATIENCE;
        loop {
            interrupt::check()?;
            match UnixStream::connect(socket) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(TICK))?;
                    return Ok(Self { stream, read: VecDeque::new(), gone: false });
                }
                Err(error) if !alive() || Instant::now() > end => {
                    return Err(error).context("connecting to QEMU's gdb stub");
                }
                Err(_) => std::thread::sleep(TICK / 10),
            }
        }
    }

    /// Sends a request and returns the answer.
    pub fn ask(&mut self, packet: &str) -> Result<Vec<u8>> {
        self.send(packet)?;
        self.receive(Instant::now() + PATIENCE)?.with_context(|| format!("the gdb stub does not answer `{packet}`"))
    }

    /// Continues the program until it stops, with a signal unless it is 0; none if the program still runs at `end`.
    pub fn go_on(&mut self, signal: u8, until: Instant) -> Result<Option<Stop>> {
        let mut asked = self.send(&if signal == 0 { "c".to_owned() } else { format!("C{signal:02x}") });
        loop {
            let answer = match asked.and_then(|()| self.receive(until)) {
                Err(_) if self.gone => return Ok(Some(Stop::Ended(End::Silent))),
                answer => answer?,
            };
            asked = Ok(());
            let Some(answer) = answer else { return Ok(None) };
            match answer.first() {
                Some(b'T' | b'S') => return Ok(Some(Stop::Signal(number(answer.get(1..3))?))),
                Some(b'W') => return Ok(Some(Stop::Ended(End::Status(number(answer.get(1..3))?)))),
                Some(b'X') => return Ok(Some(Stop::Ended(End::Signal(number(answer.get(1..3))?)))),
                // Output of the stub.
                _ => {}
            }
        }
    }

    /// Kills the program, if it still runs.
    pub fn kill(mut self) {
        let _ = self.send("k");
        let _ = self.receive(Instant::now() + TICK);
    }

    /// Reads an object of the stub: `features:read:target.xml`, `auxv:read:`.
    pub fn object(&mut self, name: &str) -> Result<Vec<u8>> {
        const PIECE: usize = 0x400;
        let mut all = Vec::new();
        loop {
            let answer = self.ask(&format!("qXfer:{name}:{:x},{PIECE:x}", all.len()))?;
            match answer.split_first() {
                Some((b'm', piece)) if !piece.is_empty() => all.extend_from_slice(piece),
                Some((b'l', piece)) => {
                    all.extend_from_slice(piece);
                    return Ok(all);
                }
                _ => bail!("the gdb stub has no {name}"),
            }
        }
    }

    /// The registers that the stub describes, or else the known ones, numbered in order and all of this width.
    pub fn registers(&mut self, known: &[String], bits: usize) -> Result<Vec<Register>> {
        let read = |stub: &mut Self, file: &str| -> Result<String> {
            let text = stub.object(&format!("features:read:{file}"))?;
            Ok(String::from_utf8_lossy(&text).into_owned())
        };
        let supported = self.ask("qSupported:multiprocess-")?;
        if !String::from_utf8_lossy(&supported).contains("qXfer:features:read+") {
            if known.is_empty() {
                bail!("this emulator's gdb stub does not describe its registers, nor does target.toml");
            }
            let register = |(number, name): (usize, &String)| Register { name: name.clone(), number, bits, part: 0 };
            return Ok(known.iter().enumerate().map(register).collect());
        }
        let target = read(self, "target.xml")?;
        let mut all = registers(&target, 0, 0);
        for (part, file) in (1..).zip(includes(&target)) {
            let next = all.last().map_or(0, |last: &Register| last.number + 1);
            let text = read(self, &file)?;
            all.extend(registers(&text, part, next));
        }
        Ok(all)
    }

    /// A register's bytes, in the target's byte order.
    pub fn register(&mut self, register: &Register) -> Result<Vec<u8>> {
        let answer = self.ask(&format!("p{:x}", register.number))?;
        bytes(&answer).with_context(|| format!("the gdb stub does not give the register {}", register.name))
    }

    /// Memory of the program. Fails if part of it is not mapped.
    pub fn memory(&mut self, address: u64, length: usize) -> Result<Vec<u8>> {
        let answer = self.ask(&format!("m{address:x},{length:x}"))?;
        bytes(&answer).filter(|bytes| bytes.len() == length).with_context(|| format!("no memory at {address:#x}"))
    }

    /// The stub's names of the program's threads.
    pub fn threads(&mut self) -> Result<Vec<String>> {
        let mut all: Vec<String> = Vec::new();
        let mut question = "qfThreadInfo";
        loop {
            // Answers with `m` have some of the threads each; `l` is the end.
            let answer = String::from_utf8_lossy(&self.ask(question)?).into_owned();
            let Some(some) = answer.strip_prefix('m') else { return Ok(all) };
            all.extend(some.split(',').map(str::to_owned));
            question = "qsThreadInfo";
        }
    }

    /// Selects the thread that the next requests refer to.
    pub fn select(&mut self, thread: &str) -> Result<()> {
        self.ask(&format!("Hg{thread}")).map(drop)
    }

    fn send(&mut self, packet: &str) -> Result<()> {
        let sum = packet.bytes().fold(0u8, u8::wrapping_add);
        let framed = format!("${packet}#{sum:02x}");
        let sent = self.stream.write_all(framed.as_bytes());
        self.gone |= sent.as_ref().is_err_and(hung_up);
        sent.with_context(|| format!("sending `{packet}` to the gdb stub"))
    }

    /// The next packet; none if no packet comes in time.
    fn receive(&mut self, until: Instant) -> Result<Option<Vec<u8>>> {
        loop {
            // Skip acknowledgements between packets.
            while self.read.front().is_some_and(|byte| *byte != b'$') {
                self.read.pop_front();
            }
            if let Some(end) = self.read.iter().position(|byte| *byte == b'#')
                && self.read.len() > end + 2
            {
                let packet: Vec<u8> = self.read.drain(..end + 3).collect();
                // After its last packet, the stub may be gone without waiting for this acknowledgement.
                let _ = self.stream.write_all(b"+");
                return Ok(Some(unescape(&packet[1..end])));
            }
            interrupt::check()?;
            if Instant::now() >= until {
                return Ok(None);
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(length) if length > 0 => self.read.extend(&chunk[..length]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) if !hung_up(&error) => return Err(error).context("reading from the gdb stub"),
                _ => {
                    self.gone = true;
                    bail!("the gdb stub closed the connection");
                }
            }
        }
    }
}

fn hung_up(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

/// Decodes the protocol's escapes and run lengths.
fn unescape(packet: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = packet.iter();
    while let Some(&byte) = rest.next() {
        match byte {
            b'}' => plain.extend(rest.next().map(|byte| byte ^ 0x20)),
            b'*' => {
                // Repeats the last byte; the next byte minus 29 is the count.
                let times = rest.next().map_or(0, |byte| usize::from(byte.saturating_sub(29)));
                let last = plain.last().copied();
                plain.extend(last.into_iter().cycle().take(times));
            }
            _ => plain.push(byte),
        }
    }
    plain
}

/// Bytes from hexadecimal digits; none for other text, such as an error.
fn bytes(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| Some(digit(*pair.first()?)? * 16 + digit(*pair.get(1)?)?);
    let bytes: Option<Vec<u8>> = text.chunks(2).map(pair).collect();
    bytes.filter(|bytes| !bytes.is_empty())
}

fn number(digits: Option<&[u8]>) -> Result<u8> {
    let bytes = digits.and_then(bytes);
    bytes.and_then(|bytes| bytes.first().copied()).context("the gdb stub reports a stop without a signal number")
}

/// A register's value: `0x` and its bytes, highest first.
pub fn shown(value: &[u8], big_endian: bool) -> String {
    let mut value = value.to_vec();
    if !big_endian {
        value.reverse();
    }
    format!("0x{}", hex(&value))
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn packets_are_unpacked() {
        assert_eq!(unescape(b"a}\x03b0*\"c"), b"a#b000000c");
        assert_eq!(bytes(b"0aff"), Some(vec![10, 255]));
        assert_eq!(bytes(b"E14"), None);
        assert_eq!(bytes(b""), None);
        assert_eq!(shown(&[1, 2], false), "0x0201");
        assert_eq!(shown(&[1, 2], true), "0x0102");
    }

    /// A stub with these answers to these requests, in this order. Then it closes the connection.
    pub fn stub(script: Vec<(&'static str, &'static str)>) -> (tempfile::TempDir, std::thread::JoinHandle<()>, Stub) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("gdb");
        let listener = UnixListener::bind(&socket).unwrap();
        let serving = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            for (question, answer) in script {
                let mut asked = Vec::new();
                let mut byte = [0];
                while asked.iter().rev().nth(2) != Some(&b'#') {
                    stream.read_exact(&mut byte).unwrap();
                    if byte != [b'+'] {
                        asked.extend(byte);
                    }
                }
                let asked = String::from_utf8(asked).unwrap();
                assert_eq!(asked[1..].split('#').next(), Some(question));
                stream.write_all(format!("+${answer}#00").as_bytes()).unwrap();
            }
        });
        let stub = Stub::connect(&socket, || true).unwrap();
        (folder, serving, stub)
    }

    #[test]
    fn a_stop_is_told_from_an_end() {
        let script =
            vec![("c", "T0bthread:01;"), ("C0b", "X0b"), ("qXfer:auxv:read::0,400", "l}\x03"), ("m10,2", "E14")];
        let (_folder, serving, mut stub) = stub(script);
        let soon = || Instant::now() + PATIENCE;
        assert_eq!(stub.go_on(0, soon()).unwrap(), Some(Stop::Signal(11)));
        assert_eq!(stub.go_on(11, soon()).unwrap(), Some(Stop::Ended(End::Signal(11))));
        assert_eq!(stub.object("auxv:read:").unwrap(), b"#");
        assert!(stub.memory(16, 2).is_err());
        serving.join().unwrap();
        assert!(stub.ask("?").is_err());
    }

    #[test]
    fn every_way_to_end_is_told() {
        let (_folder, serving, mut stub) = stub(vec![("c", "W03")]);
        let soon = || Instant::now() + PATIENCE;
        assert_eq!(stub.go_on(0, soon()).unwrap(), Some(Stop::Ended(End::Status(3))));
        serving.join().unwrap();
        assert_eq!(stub.go_on(0, soon()).unwrap(), Some(Stop::Ended(End::Silent)));
        let words = [End::Status(3), End::Signal(30), End::Signal(77)].map(|end| end.to_string());
        assert_eq!(words, ["exit status 3", "SIGUSR1", "GDB's signal 77"]);
    }

    #[test]
    fn all_threads_are_found() {
        let script = vec![("qfThreadInfo", "m01"), ("qsThreadInfo", "m02,03"), ("qsThreadInfo", "l")];
        let (_folder, serving, mut stub) = stub(script);
        assert_eq!(stub.threads().unwrap(), ["01", "02", "03"]);
        serving.join().unwrap();
    }

    #[test]
    fn registers_that_are_not_described_are_known_by_their_numbers() {
        let question = ("qSupported:multiprocess-", "PacketSize=1000;qXfer:auxv:read+");
        let (_folder, serving, mut stub) = stub(vec![question, question, ("p1", "0000002a")]);
        let error = stub.registers(&[], 32).unwrap_err().to_string();
        assert_eq!(error, "this emulator's gdb stub does not describe its registers, nor does target.toml");
        let registers = stub.registers(&["r0".into(), "pc".into()], 32).unwrap();
        assert_eq!(registers[1], Register { name: "pc".into(), number: 1, bits: 32, part: 0 });
        assert_eq!(stub.register(&registers[1]).unwrap(), [0, 0, 0, 42]);
        serving.join().unwrap();
    }
}
