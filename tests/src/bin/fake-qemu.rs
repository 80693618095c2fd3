//! An emulator that emulates nothing: takes qemu-user's options and runs the program as it is.
//!
//! `FAKE_QEMU_VERSION` is the version it says it has.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a stand-in for a tool")]

use std::os::unix::process::CommandExt as _;

fn main() {
    let mut args = std::env::args_os().skip(1).peekable();
    if args.peek().is_some_and(|arg| arg == "--version") {
        let version = std::env::var("FAKE_QEMU_VERSION").unwrap_or_else(|_| "11.1.3".into());
        println!("qemu-x version {version} (fake)");
        return;
    }
    let (mut traced, mut sysroot) = (false, std::ffi::OsString::new());
    while let Some(option) = args.next_if(|arg| arg.as_encoded_bytes().starts_with(b"-")) {
        if option == "-strace" {
            traced = true;
            continue;
        }
        // Every other option that Bringup uses takes a value.
        let value = args.next().unwrap_or_default();
        if option == "-D" && traced {
            let _ = std::fs::write(value, "1 fake_call() = 0\n");
        } else if option == "-L" {
            sysroot = value;
        } else if option == "-g" {
            eprintln!("fake-qemu: there is no gdb stub");
            std::process::exit(1);
        }
    }
    let Some(program) = args.next() else {
        eprintln!("fake-qemu: no program given");
        std::process::exit(1);
    };
    #[expect(clippy::disallowed_methods, reason = "it becomes the program, as the emulator would")]
    let error = std::process::Command::new(&program).args(args).env("FAKE_SYSROOT", sysroot).exec();
    eprintln!("fake-qemu: {}: {error}", program.display());
    std::process::exit(255);
}
