//! What a user's build for a target sees: the scripts of a toolchain, and the kernel's headers in it.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use bringup_tests::{Archive, Invocation, Output, Project, project};

/// The fake target's triple as it is in the names of variables.
const VARIABLE: &str = "fake_alpine_linux_musl";
const TRIPLE: &str = "fake-alpine-linux-musl";

/// Builds the fake target's toolchain. Its cargo then prints its environment.
fn toolchain(project: &Project) -> PathBuf {
    let folder = PathBuf::from(project.run(&["build", "fake"], 0).stdout.trim_end());
    project.script("rust/bin/cargo", "export -p | sed \"s/^export //; s/='/=/; s/'$//; s/=\\\"/=/; s/\\\"$//\"");
    folder
}

/// Runs a program of the toolchain with these variables.
fn run(project: &Project, program: &Path, args: &[&str], env: &[(&str, &str)]) -> Output {
    let words: Vec<&str> = [program.to_str().unwrap()].into_iter().chain(args.iter().copied()).collect();
    let run = Invocation::new(&words, project.base()).dir(project.base()).env("PATH", "/usr/bin:/bin");
    env.iter().fold(run, |run, (key, value)| run.env(key, value)).run()
}

/// The value of a variable in an environment.
fn value<'a>(environment: &'a str, name: &str) -> Option<&'a str> {
    environment.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

#[test]
fn a_build_for_the_target_sees_only_the_target() {
    let project = project!();
    let folder = toolchain(&project);
    let here = folder.display().to_string();
    let environment = run(&project, &folder.join("bin/cargo"), &["build"], &[]).ends_with(0).stdout;
    let of_target = |name: &str| value(&environment, &format!("{name}_{VARIABLE}")).unwrap_or("(none)").to_owned();
    let programs =
        [("CC", "clang"), ("CXX", "clang++"), ("AR", "ar"), ("RANLIB", "ranlib"), ("PKG_CONFIG", "pkg-config")];
    for (name, program) in programs {
        assert_eq!(of_target(name), format!("{here}/bin/{TRIPLE}-{program}"));
        assert!(folder.join("bin").join(format!("{TRIPLE}-{program}")).is_file(), "{program}");
    }
    assert_eq!(of_target("CXXSTDLIB"), "c++");
    assert_eq!(of_target("PKG_CONFIG_PATH"), "");
    assert_eq!(of_target("PKG_CONFIG_SYSROOT_DIR"), format!("{here}/sysroot"));
    let arguments = of_target("BINDGEN_EXTRA_CLANG_ARGS");
    assert!(arguments.starts_with("--target=fake-linux-musl -march=one "), "{arguments}");
    assert!(arguments.contains(&format!("--sysroot={here}/sysroot")), "{arguments}");
    let cmake = fs_err::read_to_string(of_target("CMAKE_TOOLCHAIN_FILE")).unwrap();
    assert!(cmake.contains("set(CMAKE_SYSTEM_PROCESSOR fake64)") && !cmake.contains(&here), "{cmake}");
    // A configure script finds its tools by the triple.
    assert!(value(&environment, "PATH").unwrap().starts_with(&format!("{here}/bin:")));
    for name in ["cc", "gcc", "c++", "g++"] {
        assert!(folder.join("bin").join(format!("{TRIPLE}-{name}")).is_file(), "{name}");
    }
}

#[test]
fn plain_variables_mean_the_host_and_the_users_own_win() {
    let project = project!();
    let folder = toolchain(&project);
    let cargo = folder.join("bin/cargo");
    let user = [
        ("CC", "my cc"),
        ("CFLAGS", "-march=native"),
        ("PKG_CONFIG_PATH", "/usr/lib/pkgconfig"),
        ("HOST_CXX", "known"),
        ("CXX", "plain"),
        ("CPATH", "/one::/two"),
        ("CPLUS_INCLUDE_PATH", "/three"),
        ("CROSS_COMPILE", "other-"),
    ];
    let environment = run(&project, &cargo, &[], &user).ends_with(0).stdout;
    for (name, expected) in [
        ("CC", None),
        ("HOST_CC", Some("my cc")),
        ("CFLAGS", None),
        ("HOST_CFLAGS", Some("-march=native -I/one -I/two")),
        ("HOST_CXXFLAGS", Some(" -I/one -I/two -isystem/three")),
        ("PKG_CONFIG_PATH", None),
        ("HOST_PKG_CONFIG_PATH", Some("/usr/lib/pkgconfig")),
        ("CXX", None),
        ("HOST_CXX", Some("known")),
        ("CPATH", None),
        ("CPLUS_INCLUDE_PATH", None),
        ("CROSS_COMPILE", None),
    ] {
        assert_eq!(value(&environment, name), expected, "{name}");
    }

    // Some shells drop names with dashes; and a value may have anything in it but a newline.
    let odd = "-DTEXT='a \"b\"' $(false) `false` \\";
    let (dashed, plain) = (format!("CFLAGS_{TRIPLE}"), format!("CC_{VARIABLE}"));
    let own = [(dashed.as_str(), odd), (plain.as_str(), "own"), ("odd-name_fake-alpine-linux-musl", "x")];
    let script = "printf '%s\\n' \"$CFLAGS_fake_alpine_linux_musl\" \"$CC_fake_alpine_linux_musl\"";
    project.script("rust/bin/cargo", script);
    assert_eq!(run(&project, &cargo, &[], &own).ends_with(0).stdout, format!("{odd}\nown\n"));
}

#[test]
fn a_library_that_the_sysroot_lacks_is_named() {
    let project = project!();
    let folder = toolchain(&project);
    let script = folder.join("bin").join(format!("{TRIPLE}-pkg-config"));
    let tools = project.base().join("pkg");
    fs_err::create_dir(&tools).unwrap();
    let search = format!("{}:/usr/bin:/bin", tools.display());
    // As the real one: it knows the libraries of the folders that it is told.
    let fake = project.script(
        "pkg-config",
        "for last; do :; done\n\
         IFS=:\n\
         for folder in $PKG_CONFIG_PATH $PKG_CONFIG_LIBDIR; do\n    \
             [ -e \"$folder/$last.pc\" ] && { echo \"$folder $PKG_CONFIG_SYSROOT_DIR\"; exit; }\n\
         done\n\
         echo \"Package $last was not found\" >&2\n\
         exit 1",
    );
    fs_err::rename(fake, tools.join("pkg-config")).unwrap();
    let host = project.base().join("host-libraries");
    fs_err::create_dir(&host).unwrap();
    fs_err::write(host.join("openssl.pc"), "").unwrap();
    let host = host.to_str().unwrap();

    let asks = ["--libs", "--cflags", "openssl", "openssl >= 3.0"];
    let plain = [("PATH", search.as_str()), ("PKG_CONFIG_PATH", host), ("PKG_CONFIG_LIBDIR", host)];
    let output = run(&project, &script, &asks[..3], &plain).ends_with(1);
    output.says(&["the sysroot of fake-alpine-linux-musl has no library `openssl`", "hint: use the crate's feature"]);
    assert_eq!(output.stdout, "");
    let own = format!("PKG_CONFIG_PATH_{VARIABLE}");
    let output = run(&project, &script, &asks[..3], &[("PATH", search.as_str()), (own.as_str(), host)]).ends_with(0);
    assert_eq!(output.stdout, format!("{host} {}/sysroot\n", folder.display()));
    assert_eq!(output.stderr, "");
}

#[test]
fn drivers_ignore_the_hosts_folders_and_refuse_what_is_not_served() {
    let project = project!();
    let folder = toolchain(&project);
    let [c, cxx] = ["clang", "clang++"].map(|name| folder.join("bin").join(format!("{TRIPLE}-{name}")));
    project.script("tools/clang-22", "printf '%s\\n' \"${CPATH-unset} ${LIBRARY_PATH-unset}\" \"$@\"");
    let ambient = [("CPATH", "/usr/include"), ("LIBRARY_PATH", "/usr/lib")];
    let words = run(&project, &c, &["-c", "x.c"], &ambient).ends_with(0).stdout;
    assert!(words.starts_with("unset unset\n") && !words.contains("libc++"), "{words}");
    let words = run(&project, &cxx, &["x.cpp"], &ambient).ends_with(0).stdout;
    let lines: Vec<&str> = words.lines().collect();
    for word in ["unset unset", "--driver-mode=g++", "-stdlib=libc++", "x.cpp"] {
        assert!(lines.contains(&word), "no {word} in {words}");
    }
    let headers = format!("{}/sysroot/usr/include/c++/v1", folder.display());
    assert!(lines.contains(&headers.as_str()), "{words}");
    assert!(Path::new(&headers).join("vector").is_file());
    for library in ["libc++.a", "libstdc++.a"] {
        assert!(folder.join("sysroot/usr/lib").join(library).is_file(), "{library}");
    }

    let refused = run(&project, &cxx, &["-stdlib=libstdc++", "x.cpp"], &[]).ends_with(1);
    refused.says(&["clang++: -stdlib=libstdc++ is not supported: the C++ standard library is libc++"]);
    let refused = run(&project, &c, &["-fsanitize=undefined,address", "x.c"], &[]).ends_with(1);
    refused
        .says(&["clang: -fsanitize=undefined,address is not supported: the toolchain has no runtimes of sanitizers"]);
}

#[test]
fn kernel_headers_of_another_version_or_architecture_are_refused_by_name() {
    let project = project!();
    project.edit("bringup.toml", "version = \"6.12.117\"", "version = \"6.1.187\"");
    let output = project.run(&["build", "fake"], 101);
    output.says(&[
        "step `kernel_headers fake` failed",
        "the pinned archive has the headers of linux 6.12.117, but bringup.toml says 6.1.187",
        "hint: correct `version` in [[linux]]",
    ]);
    project.edit("bringup.toml", "version = \"6.1.187\"", "version = \"6.12.117\"");

    project.edit("targets/fake/target.toml", "[linux]\narch = \"fake\"", "[linux]\narch = \"s390\"");
    let output = project.run(&["build", "fake"], 2);
    output.says(&["[linux] arch: the kernel headers have no architecture `s390`", "hint: bringup.toml unpacks fake"]);
    project.edit("targets/fake/target.toml", "[linux]\narch = \"s390\"", "[linux]\narch = \"fake\"");

    // What the preprocessor prints for headers that do not fit.
    let faults = "fault: long does not have 64 bits\nfault: they are not big-endian\n";
    fs_err::write(project.host("state/probe"), faults).unwrap();
    let output = project.run(&["build", "fake"], 2);
    output.says(&[
        "targets/fake/target.toml: [linux] arch: the kernel headers of `fake` are not for this target",
        "long does not have 64 bits, and 1 more",
    ]);
    project.assert_clean();
    project.release();
    project.run(&["build", "fake"], 0);

    project.edit("targets/fake/target.toml", "[linux]\narch = \"fake\"", "[linux]\narch = \"../fake\"");
    project.run(&["build", "fake"], 2).says(&["[linux] arch: `../fake` is not a name of an architecture"]);
}

#[test]
fn a_package_that_is_not_the_kernels_headers_is_refused() {
    let project = project!();
    let archive = Archive::of_folder(&project.path("targets"), "top").bytes();
    project.pin("linux", &archive);
    project.run(&["build", "fake"], 101).says(&["step `kernel_headers fake` failed", "linux/version.h"]);
}
