//! The program under test: the same as `cargo xtask`, under a name that tests can find.

fn main() -> std::process::ExitCode {
    xtask::main()
}
