//! The `cargo xtask` program: see the library for what it does.

fn main() -> std::process::ExitCode {
    xtask::main()
}
