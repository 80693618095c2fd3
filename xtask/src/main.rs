//! The program `bringup`, which `cargo xtask` runs: see the library for what it does.

fn main() -> std::process::ExitCode {
    xtask::main()
}
