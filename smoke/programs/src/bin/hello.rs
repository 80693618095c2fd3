//! Starts, prints, has its arguments, and ends.

fn main() {
    println!("hello from {}", if cfg!(target_env = "musl") { "musl" } else { "another C library" });
    println!("arguments: {}", std::env::args().count() - 1);
    let exe = std::env::current_exe().expect("the path of this program");
    println!("own path is absolute: {}", exe.is_absolute());
}
