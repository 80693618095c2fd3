//! What the build script, which ran on the host, made for the target.

include!(concat!(env!("OUT_DIR"), "/generated.rs"));

fn main() {
    println!("{}", env!("SMOKE_FROM_BUILD_SCRIPT"));
    println!("right byte order: {}", ENDIAN == if cfg!(target_endian = "big") { "big" } else { "little" });
    println!("right architecture: {}", TARGET.contains("-linux-") && !std::env::consts::ARCH.is_empty());
}
