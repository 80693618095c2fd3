//! The real thing: crates that build C and C++ in the ways that crates do, on a host whose own files must not matter.

use std::path::Path;
use std::time::Duration;

use bringup_runner::exec::Cmd;

use crate::driver::{bringup, emulator, printed, project, succeeds, with_network};

/// Their emulators and triples: one of another architecture, and the host's own, where the host's files would fit.
const TARGETS: [(&str, &str); 2] = [("s390x", "s390x-alpine-linux-musl"), ("x86_64", "x86_64-alpine-linux-musl")];

/// A crate that builds C++ by cc and by CMake, reads headers by bindgen, and asks pkg-config for a library that the
/// host may have. Its build script checks what each of them sees.
const CRATE: [(&str, &str); 7] = [
    (
        "Cargo.toml",
        "[package]\nname = \"app\"\nedition = \"2024\"\n[build-dependencies]\n\
         bindgen = { version = \"0.72\", default-features = false, features = [\"runtime\"] }\n\
         cc = \"1.2\"\ncmake = \"0.1\"\npkg-config = \"0.3\"\n",
    ),
    (
        "build.rs",
        r#"fn main() {
    cc::Build::new().cpp(true).std("c++20").file("src/by_cc.cpp").compile("by_cc");
    let by_cmake = cmake::Config::new("src").build_target("by_cmake").build().join("build");
    println!("cargo::rustc-link-search=native={}", by_cmake.display());
    println!("cargo::rustc-link-lib=static=by_cmake");
    println!("cargo::rustc-link-lib=stdc++");
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    let bindings = bindgen::Builder::default().header("src/api.h").layout_tests(false).generate().unwrap();
    bindings.write_to_file(out.join("api.rs")).unwrap();
    let error = pkg_config::probe_library("zlib").expect_err("a library of the host").to_string();
    assert!(error.contains("has no library `zlib`, and the host's do not count"), "{error}");
    // What is compiled for the host is compiled by the host's compiler.
    let host = std::env::var("HOST").unwrap();
    let compiler = cc::Build::new().target(&host).host(&host).opt_level(0).get_compiler();
    assert!(!compiler.path().to_string_lossy().contains("alpine"), "{:?}", compiler.path());
    assert!(compiler.args().iter().any(|flag| flag == "-DOF_THE_HOST"), "{:?}", compiler.args());
}
"#,
    ),
    (
        "src/main.rs",
        r#"mod api {
    #![allow(warnings)]
    include!(concat!(env!("OUT_DIR"), "/api.rs"));
}
unsafe extern "C" {
    safe fn by_cc(x: i32) -> i32;
    safe fn by_cmake(x: i32) -> i32;
}
fn main() {
    println!("{} {} {} {}", by_cc(20), by_cmake(1), api::FUTEX_WAIT_PRIVATE, api::IS_MUSL);
}
"#,
    ),
    (
        "src/by_cc.cpp",
        "#include <features.h>\n#include <stdexcept>\n#include <string>\n\
         #if defined __GLIBC__ || defined OF_THE_HOST\n#error of the host\n#endif\n\
         extern \"C\" int by_cc(int x) {\n\
         \ttry { throw std::runtime_error(std::to_string(x)); }\n\
         \tcatch (const std::exception &error) { return 2 * std::stoi(error.what()); }\n}\n",
    ),
    (
        "src/by_cmake.cpp",
        "#include <linux/futex.h>\n#include <vector>\n\
         #if defined __GLIBC__ || defined OF_THE_HOST\n#error of the host\n#endif\n\
         extern \"C\" int by_cmake(int x) { return static_cast<int>(std::vector<int>(7, x).size()); }\n",
    ),
    (
        "src/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.16)\nproject(by_cmake CXX)\n\
         find_library(FOUND NAMES stdc++ gcc_s z PATHS /usr/lib/x86_64-linux-gnu)\n\
         if(FOUND MATCHES \"^/usr/\")\nmessage(FATAL_ERROR \"a library of the host: ${FOUND}\")\nendif()\n\
         find_path(HEADERS NAMES gnu/libc-version.h)\n\
         if(HEADERS)\nmessage(FATAL_ERROR \"headers of the host: ${HEADERS}\")\nendif()\n\
         if(NOT CMAKE_CROSSCOMPILING)\nmessage(FATAL_ERROR \"not a cross build\")\nendif()\n\
         add_library(by_cmake STATIC by_cmake.cpp)\n",
    ),
    (
        "src/api.h",
        "#include <linux/futex.h>\n#include <stddef.h>\n#include <features.h>\n\
         #ifdef __GLIBC__\n#define IS_MUSL 0\n#else\n#define IS_MUSL 1\n#endif\n",
    ),
];

#[test]
fn crates_that_build_c_and_cxx_see_only_the_target() {
    succeeds(&bringup(&["fetch"]));
    let work = tempfile::tempdir().unwrap();
    for (name, text) in CRATE {
        let path = work.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    for (name, triple) in TARGETS {
        let toolchain = printed(&bringup(&["build", name]));
        let toolchain = Path::new(toolchain.trim());
        let emulator = emulator(name);
        for (link, flags) in [("dynamic", ""), ("static", "-Ctarget-feature=+crt-static")] {
            // What a developer may have set for work on the host.
            let cargo = Cmd::new(toolchain.join("bin/cargo")).args(["build", "--release", "--target", triple]);
            let cargo = cargo.arg("--target-dir").arg(work.path().join(link)).dir(work.path());
            let cargo = cargo.env("PATH", "/usr/bin:/bin").env("HOME", work.path()).env("RUSTFLAGS", flags);
            let cargo =
                cargo.env("CFLAGS", "-DOF_THE_HOST").env("CXXFLAGS", "-DOF_THE_HOST").env("CPATH", "/usr/include");
            let cargo = cargo.env("CPLUS_INCLUDE_PATH", "/usr/include").env("LIBRARY_PATH", "/usr/lib");
            let cargo = cargo.env("PKG_CONFIG_PATH", "/usr/lib/x86_64-linux-gnu/pkgconfig:/usr/lib/pkgconfig");
            succeeds(&with_network(cargo).timeout(Duration::from_mins(30)));
            let program = work.path().join(link).join(triple).join("release/app");
            let cmd = Cmd::new(&emulator).arg("-L").arg(toolchain.join("sysroot")).arg(program);
            assert_eq!(printed(&cmd.timeout(Duration::from_mins(1))), "40 7 128 1\n", "{name} {link}");
        }
    }
}

/// What the C++ programs must print is what they print with another compiler and another library, on the host.
#[test]
fn the_expected_output_of_the_cxx_programs_is_that_of_the_hosts_compiler() {
    let (sources, work) = (project().join("smoke/cxx"), tempfile::tempdir().unwrap());
    let compile = |flags: &[&str], output: &str, source: &Path| {
        let cxx = Cmd::new("c++").args(["-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]).args(flags);
        let cxx = cxx.env("PATH", "/usr/bin:/bin").arg("-o").arg(work.path().join(output)).arg(source);
        succeeds(&cxx.args(["-latomic", "-ldl"]).timeout(Duration::from_mins(5)));
    };
    let prints = |name: &str, folder: &Path| {
        let printed = printed(&Cmd::new(work.path().join(name)).timeout(Duration::from_mins(1)));
        let expected = std::fs::read_to_string(folder.join(name).with_extension("out")).unwrap();
        assert_eq!(printed, expected, "{name}");
    };
    for name in ["cxx-language", "cxx-library"] {
        compile(&[], name, &sources.join(name).with_extension("cpp"));
        prints(name, &sources);
    }
    let folder = sources.join("dynamic");
    compile(&["-shared", "-fPIC"], "libcxx-shared.so", &folder.join("cxx-shared-lib.cpp"));
    compile(&["-DLOADED"], "cxx-shared", &folder.join("cxx-shared.cpp"));
    prints("cxx-shared", &folder);

    let target = work.path().join("target");
    let cargo = Cmd::new("cargo").args(["run", "--release", "--package=programs", "--bin=cxx_object", "--target-dir"]);
    let cargo = cargo.arg(&target).dir(project().join("smoke")).inherit("PATH").inherit("HOME").inherit("RUSTUP_HOME");
    let expected = std::fs::read_to_string(project().join("smoke/programs/src/bin/cxx_object.out")).unwrap();
    assert_eq!(printed(&with_network(cargo).timeout(Duration::from_mins(10))), expected);
}
