//! Compiles the C++ side with its standard library.

fn main() {
    println!("cargo::rerun-if-changed=src");
    cxx_build::bridge("src/lib.rs").file("src/words.cc").std("c++20").compile("words");
}
