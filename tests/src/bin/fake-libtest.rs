//! A test program that speaks libtest's protocol and whose tests do what their names say.
//!
//! The tests are the lines of the file that is called like the program with `.tests` added; without that file it is a
//! program without a harness, which fails if its name begins with `fail`. It notes every start in the file `starts` of the
//! same folder, as it was called, if that file is there. The folder is the program's own, or `host/programs` of the fake
//! project that a copy of the program lies in.
#![expect(clippy::print_stdout, clippy::print_stderr, clippy::exit, reason = "a stand-in for a test program")]

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long the child of a `leak` test sleeps: a number that no other process has on its command line.
const LEAK_SECONDS: &str = "98761";

fn main() -> std::io::Result<()> {
    let program = program()?;
    let mut list = program.clone().into_os_string();
    list.push(".tests");
    let args: Vec<String> = std::env::args().skip(1).collect();
    note(&program.with_file_name("starts"), &std::env::args().collect::<Vec<_>>().join(" "))?;
    let Ok(list) = std::fs::read_to_string(list) else {
        let failing = program.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"fail"));
        println!("no harness");
        std::process::exit(i32::from(failing));
    };
    let has = |arg: &str| args.iter().any(|a| a == arg);
    if has("--list") {
        match list.lines().next() {
            Some("unlistable") => std::process::abort(),
            Some("mute") => return Ok(()),
            Some("garbage") => println!("Segmentation fault"),
            Some("hanging") => std::thread::sleep(Duration::from_secs(1000)),
            Some("flooding") => loop {
                println!("pass_a: test of a flood {}", "x".repeat(10_000));
            },
            Some(_) => println!("noise in between"),
            None => {}
        }
        if list.starts_with("garbage") {
            return Ok(());
        }
        let benchmarks = list.lines().filter(|name| name.starts_with("bench")).count();
        list.lines()
            .for_each(|name| println!("{name}: {}", if name.starts_with("bench") { "benchmark" } else { "test" }));
        println!("\n{} tests, {benchmarks} benchmarks", list.lines().count() - benchmarks);
        return Ok(());
    }
    let ready = has("--format=json")
        && has("--exact")
        && args.iter().any(|arg| arg.starts_with("--test-threads="))
        && std::env::var_os("RUSTC_BOOTSTRAP").is_some();
    if !ready {
        eprintln!("error: not called as expected: {args:?}");
        std::process::exit(101);
    }
    // Without names, all.
    let selects = args.iter().skip_while(|arg| *arg != "--").count() > 1;
    let mut names: Vec<&str> = list.lines().filter(|name| !selects || has(name)).collect();
    names.retain(|name| kind(name) != "silent");
    if names.first().is_some_and(|name| kind(name) == "early") {
        eprintln!("dying early");
        std::process::exit(9);
    }
    if names.iter().any(|name| kind(name) == "lag") {
        std::thread::sleep(Duration::from_millis(1300));
    }
    println!(r#"{{ "type": "suite", "event": "started", "test_count": {} }}"#, names.len());
    let threads = args.iter().find_map(|arg| arg.strip_prefix("--test-threads=")?.parse().ok()).unwrap_or(1);
    run_all(&names, threads)?;
    let [passed, failed, ignored] = [&PASSED, &FAILED, &IGNORED].map(|count| count.load(Ordering::SeqCst));
    let (all, left_out) = (if failed == 0 { "ok" } else { "failed" }, list.lines().count() - names.len());
    println!(
        r#"{{ "type": "suite", "event": "{all}", "passed": {passed}, "failed": {failed}, "ignored": {ignored}, "measured": 0, "filtered_out": {left_out}, "exec_time": 0.01 }}"#
    );
    let has = |word: &str| names.iter().any(|name| kind(name) == word);
    if has("late") || (has("pair1") && has("pair2")) {
        segv();
    }
    if has("never") {
        std::thread::sleep(Duration::from_secs(1000));
    }
    std::process::exit(if failed == 0 { 0 } else { 101 });
}

/// How many tests have started.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// How many tests have ended, by their results.
static PASSED: AtomicUsize = AtomicUsize::new(0);
static FAILED: AtomicUsize = AtomicUsize::new(0);
static IGNORED: AtomicUsize = AtomicUsize::new(0);

/// Runs the tests, this many at once.
fn run_all(names: &[&str], threads: usize) -> std::io::Result<()> {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
            run_one(name, threads == 1 || names.len() == 1)?;
        }
        Ok::<(), std::io::Error>(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| std::process::abort()))
    })
}

/// Runs a test and tells of it.
fn run_one(name: &str, alone: bool) -> std::io::Result<()> {
    println!(r#"{{ "type": "test", "event": "started", "name": "{name}" }}"#);
    STARTED.fetch_add(1, Ordering::SeqCst);
    if kind(name) == "company" && !alone {
        while STARTED.load(Ordering::SeqCst) < 2 {
            std::thread::yield_now();
        }
        segv();
    }
    if kind(name) == "crowd" && !alone {
        std::thread::sleep(Duration::from_secs(1000));
    }
    let result = if name.starts_with("ignored") { "ignored" } else { run(name)? };
    let count = match result {
        "failed" => &FAILED,
        "ignored" => &IGNORED,
        _ => &PASSED,
    };
    count.fetch_add(1, Ordering::SeqCst);
    match kind(name) {
        "lost" => return Ok(()),
        "broken" => {
            println!("{{ \"type\": \"test\", \"name\": \"{name}\", \"event\": \"{result}\", \"stdout\": \"x\ny");
        }
        "drag" => println!(r#"{{ "type": "test", "name": "{name}", "event": "{result}", "exec_time": 1.1 }}"#),
        _ if result == "failed" => println!(
            r#"{{ "type": "test", "name": "{name}", "event": "failed", "exec_time": 0.01, "stdout": "caught of {name}\n" }}"#
        ),
        _ => println!(r#"{{ "type": "test", "name": "{name}", "event": "{result}", "exec_time": 0.01 }}"#),
    }
    match kind(name) {
        "between" => std::process::abort(),
        "leave" => std::process::exit(0),
        "later" => {
            std::thread::sleep(Duration::from_millis(200));
            std::process::abort();
        }
        _ => {}
    }
    Ok(())
}

/// The path of this program, or that of the one that it is a copy of.
fn program() -> std::io::Result<std::path::PathBuf> {
    let own = std::env::current_exe()?;
    let mut homes = own.ancestors().map(|folder| folder.join("host/programs"));
    let home = homes.find(|home| home.is_dir());
    Ok(home.and_then(|home| Some(home.join(own.file_name()?))).unwrap_or(own))
}

fn kind(name: &str) -> &str {
    let own = name.rsplit("::").next().unwrap_or_default();
    own.split('_').next().unwrap_or_default()
}

fn run(name: &str) -> std::io::Result<&'static str> {
    let mut out = std::io::stdout();
    match kind(name) {
        "static" if is_static() => return Ok("failed"),
        "lonely" if STARTED.load(Ordering::SeqCst) == 1 => return Ok("failed"),
        "spoiled" if STARTED.load(Ordering::SeqCst) > 1 => return Ok("failed"),
        "wrapped" if std::env::var_os("FAKE_WRAPPER").is_some() => return Ok("failed"),
        "libc" if holds("FAKE_SYSROOT", "usr/lib/libc.so", "(void *)size")? => return Ok("failed"),
        "library" if holds("LD_LIBRARY_PATH", "libstd-0123.so", "patched")? => return Ok("failed"),
        "emulator" if std::env::var_os("FAKE_EMULATOR").is_none() => return Ok("failed"),
        "level" if !std::env::current_exe()?.ends_with("opt0/std") => return Ok("failed"),
        "third" if number()? % 3 == 1 => return Ok("failed"),
        "heeds" => return heeds(),
        "fail" => {
            println!("uncaught of {name}");
            return Ok("failed");
        }
        "broken" => return Ok("failed"),
        "fickle" => match number()? {
            1 => segv(),
            2 => std::thread::sleep(Duration::from_secs(1000)),
            _ => {}
        },
        "warms" if number()? == 1 => std::thread::sleep(Duration::from_secs(1000)),
        "segv" => {
            eprintln!("last words of {name}");
            segv();
        }
        "abort" => std::process::abort(),
        "exit0" => std::process::exit(0),
        "exit3" => std::process::exit(3),
        "hang" => std::thread::sleep(Duration::from_secs(1000)),
        "spin" => spin(Duration::from_secs(1000)),
        "work" => {
            let from = std::time::SystemTime::now();
            spin(Duration::from_millis(20));
            let nanos =
                |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.as_nanos());
            // Whoever is older may have lent its job for a while.
            if age()? < Duration::from_millis(80) {
                let spans = program()?.with_file_name("spans");
                note(&spans, &format!("{} {}", nanos(from), nanos(std::time::SystemTime::now())))?;
            }
        }
        "crowd" => return crowd(),
        "flaky" => return Ok(if runs(name)? % 2 == 0 { "failed" } else { "ok" }),
        "worse" if runs(name)? % 4 == 0 => return Ok("failed"),
        "worse" => segv(),
        "doze" => std::thread::sleep(Duration::from_secs(3)),
        "nap" => std::thread::sleep(Duration::from_millis(400)),
        "slow" => std::thread::sleep(Duration::from_millis(600)),
        "noise" => {
            out.write_all(b"\xff\xfe{ \"type\": \"test\", \"name\": \"pass_a\", \"event\": \"fai")?;
            out.write_all(b"{ \"type\": \"test\", \"name\": \"made_up\", \"event\": \"failed\" }")?;
        }
        "flood" => flood(&mut out)?,
        "floods" => {
            flood(&mut out)?;
            hold();
        }
        "drag" => std::thread::sleep(Duration::from_millis(1100)),
        "eat" => {
            let eaten = vec![1_u8; 200 << 20];
            hold();
            drop(std::hint::black_box(eaten));
        }
        "fill" => {
            std::fs::write(std::env::temp_dir().join("filled"), vec![1; 20 << 20])?;
            hold();
        }
        "files" => {
            let files: std::io::Result<Vec<_>> = (0..200).map(|_| std::fs::File::open("/dev/null")).collect();
            if let Err(error) = files {
                println!("{error}");
                return Ok("failed");
            }
        }
        "forks" => {
            let children: std::io::Result<Vec<_>> =
                (0..30).map(|_| child(&["setsid", "sleep", LEAK_SECONDS]).spawn()).collect();
            hold();
            children?.into_iter().try_for_each(|mut child| child.kill())?;
        }
        "daemon" => {
            let script = format!("(setsid sleep {LEAK_SECONDS} &) >/dev/null 2>&1; setsid sleep {LEAK_SECONDS} &");
            child(&["setsid", "sh", "-c", &script]).status().map(drop)?;
        }
        "leak" => child(&["sleep", LEAK_SECONDS]).spawn().map(drop)?,
        "lock" => {
            use std::os::unix::fs::PermissionsExt as _;
            let folder = std::env::temp_dir().join("locked");
            std::fs::create_dir_all(folder.join("inner"))?;
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o000))?;
        }
        "folders" => {
            let private = |key| std::env::var(key).is_ok_and(|path| std::path::Path::new(&path).is_dir());
            let empty = std::fs::read_dir(".")?.next().is_none();
            return Ok(if empty && private("HOME") && private("TMPDIR") { "ok" } else { "failed" });
        }
        _ => return Ok(imitate(name)),
    }
    Ok("ok")
}

/// Whether a file in the folder that a variable names contains this text.
fn holds(variable: &str, file: &str, text: &str) -> std::io::Result<bool> {
    let folder = std::env::var_os(variable).unwrap_or_default();
    let content = std::fs::read(std::path::Path::new(&folder).join(file))?;
    Ok(String::from_utf8_lossy(&content).contains(text))
}

/// Whether SIGUSR1, which is signal 10, is not ignored.
fn heeds() -> std::io::Result<&'static str> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    Ok(if mask.is_some_and(|mask| mask & (1 << 9) == 0) { "ok" } else { "failed" })
}

/// Fails beside another one of its kind.
fn crowd() -> std::io::Result<&'static str> {
    let lock = std::fs::File::create(std::env::current_exe()?.with_file_name("crowd.lock"))?;
    if lock.try_lock().is_err() {
        return Ok("failed");
    }
    std::thread::sleep(Duration::from_millis(300));
    Ok("ok")
}

/// Prints what looks like events; the result is the true one.
fn imitate(name: &str) -> &'static str {
    match kind(name) {
        // It would start itself with its own arguments, and so this test again.
        "again" if std::env::args().any(|arg| arg == name) => return "failed",
        "claims" => println!(r#"{{ "type": "test", "name": "segv_z", "event": "ok" }}"#),
        "slanders" => println!(r#"{{ "type": "test", "name": "pass_a", "event": "failed" }}"#),
        "accuses" => {
            println!(r#"{{ "type": "test", "event": "started", "name": "pass_z" }}"#);
            segv();
        }
        "boasts" => {
            println!(r#"{{ "type": "test", "name": "{name}", "event": "ok" }}"#);
            return "failed";
        }
        "ends" => {
            println!(r#"{{ "type": "suite", "event": "ok" }}"#);
            std::process::exit(0);
        }
        _ => {}
    }
    "ok"
}

/// Writes 8 MB.
fn flood(out: &mut std::io::Stdout) -> std::io::Result<()> {
    (0..80).try_for_each(|_| out.write_all(&vec![b'x'; 100_000]))
}

/// Keeps what was taken, for as long as somebody may need to see it.
fn hold() {
    std::thread::sleep(Duration::from_secs(2));
}

/// How often a test has run before, as counted in a file beside the program.
fn runs(name: &str) -> std::io::Result<usize> {
    let file = std::env::current_exe()?.with_file_name(format!("{}.runs", name.replace("::", ".")));
    let runs = std::fs::read(&file).unwrap_or_default().len();
    std::fs::write(&file, vec![b'.'; runs + 1])?;
    Ok(runs)
}

/// Whether this is the program of the static link mode, by the path that it was started by.
fn is_static() -> bool {
    std::env::args().next().is_some_and(|path| path.contains("/static/"))
}

/// How often this has been asked, over all processes.
fn number() -> std::io::Result<usize> {
    let folder = std::env::current_exe()?.with_file_name("numbers");
    std::fs::create_dir_all(&folder)?;
    let mut number = 1;
    while std::fs::File::create_new(folder.join(number.to_string())).is_err() {
        number += 1;
    }
    Ok(number)
}

/// Keeps a processor busy.
fn spin(time: Duration) {
    let start = std::time::Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// How long this process has been there: proc(5) gives its start in hundredths of a second since the system's.
fn age() -> std::io::Result<Duration> {
    let process = std::fs::read_to_string("/proc/self/stat")?;
    let start = process.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(19)?.parse::<u64>().ok());
    let system = std::fs::read_to_string("/proc/uptime")?;
    let now = system.split(' ').next().and_then(|now| now.replace('.', "").parse::<u64>().ok());
    let age = now.zip(start).map(|(now, start)| Duration::from_millis(10 * now.saturating_sub(start)));
    age.ok_or_else(|| std::io::Error::other("there is no age of this process"))
}

/// Adds a line to a file, if it is there.
fn note(file: &std::path::Path, line: &str) -> std::io::Result<()> {
    match std::fs::OpenOptions::new().append(true).open(file) {
        Ok(mut file) => file.write_all(format!("{line}\n").as_bytes()),
        Err(_) => Ok(()),
    }
}

/// Dies of SIGSEGV, with nobody to handle it.
fn segv() {
    let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGSEGV);
}

fn child(words: &[&str]) -> std::process::Command {
    #[expect(clippy::disallowed_methods, reason = "tests start processes of their own")]
    let mut command = std::process::Command::new(words[0]);
    command.args(&words[1..]);
    command
}
