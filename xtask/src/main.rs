//! The `cargo xtask` program.
fn main() {}
