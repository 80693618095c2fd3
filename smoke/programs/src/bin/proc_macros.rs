//! A function-like macro and a derive, expanded on the host into code for the target.

macros::constants!(FIRST SECOND THIRD);

#[derive(macros::Name)]
struct Derived;

fn main() {
    println!("{FIRST} {SECOND} {THIRD}");
    println!("{}", Derived::NAME);
}
