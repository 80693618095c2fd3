//! Toolchains that are given away: whole, the same for the same inputs, and at home wherever they are put.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use bringup_tests::{Invocation, Project, project};
use serde_json::Value;

/// A project whose clang has a header of its own, and whose cargo has the source of a crate.
fn project() -> Project {
    prepared(project!())
}

fn prepared(project: Project) -> Project {
    let write = |path: PathBuf| {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, "text\n").unwrap();
    };
    write(project.host("resources/include/stddef.h"));
    write(project.cache().join("cargo/registry/src/index/memchr-2.7.6/LICENSE-MIT"));
    write(project.cache().join("cargo/registry/src/index/memchr-2.7.6/src/lib.rs"));
    fs_err::create_dir_all(project.cache().join("cargo/registry/src/index/syn-2.0.1")).unwrap();
    project
}

/// Packs these targets and gives the archive's path.
fn dist(project: &Project, args: &[&str]) -> PathBuf {
    let printed = project.run(&[&["dist", "--compiler", "bootstrap"], args].concat(), 0).stdout;
    project.path("").join(printed.trim_end())
}

/// Names of the entries, and whether each is a hard link.
fn entries(archive: &Path) -> Vec<(String, bool)> {
    let file = liblzma::read::XzDecoder::new(fs_err::File::open(archive).unwrap());
    let mut tar = tar::Archive::new(file);
    let entry = |entry: tar::Entry<'_, _>| {
        let (header, path) = (entry.header(), entry.path().unwrap());
        assert_eq!((header.mtime().unwrap(), header.uid().unwrap(), header.gid().unwrap()), (0, 0, 0));
        assert!(!header.entry_type().is_symlink(), "{}", path.display());
        (path.to_str().unwrap().to_owned(), header.entry_type().is_hard_link())
    };
    tar.entries().unwrap().map(|found| entry(found.unwrap())).collect()
}

/// Unpacks it, and gives the folder that is in it.
fn unpacked(archive: &Path, place: &Path) -> PathBuf {
    let file = liblzma::read::XzDecoder::new(fs_err::File::open(archive).unwrap());
    tar::Archive::new(file).unpack(place).unwrap();
    let folders: Vec<PathBuf> = fs_err::read_dir(place).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    folders[0].clone()
}

fn manifest(folder: &Path) -> Value {
    serde_json::from_slice(&fs_err::read(folder.join("manifest.json")).unwrap()).unwrap()
}

/// A program, on a machine that has only what is in the folder `path`.
fn there(project: &Project, program: &Path, args: &[&str], path: &Path) -> Invocation {
    let words: Vec<&str> = [program.to_str().unwrap()].into_iter().chain(args.iter().copied()).collect();
    Invocation::new(&words, project.base()).dir(project.base()).env("PATH", path)
}

/// A folder with what is on every machine.
fn bare(project: &Project) -> PathBuf {
    let folder = project.base().join("bare");
    fs_err::create_dir_all(&folder).unwrap();
    for program in ["cat", "readlink", "sh"] {
        let find = |folder: &str| Some(Path::new(folder).join(program)).filter(|path| path.exists());
        symlink(["/usr/bin", "/bin"].into_iter().find_map(find).unwrap(), folder.join(program)).unwrap();
    }
    folder
}

/// The archiver of the target, as the cc crate gets it.
const AR: &str = "bin/fake-alpine-linux-musl-ar";

#[test]
fn one_compiler_and_a_folder_for_each_target() {
    let project = project();
    let archive = dist(&project, &["fake", "twin"]);
    let names = entries(&archive);
    let top = archive.file_name().unwrap().to_str().unwrap().strip_suffix(".tar.xz").unwrap();
    assert!(top.starts_with("bringup-rust-1.95.0-x86_64-unknown-linux-gnu-"), "{top}");
    assert_eq!(names[0].0, format!("{top}/manifest.json"));
    let is_link = |name: &str| {
        let found = names.iter().find(|(other, _)| *other == format!("{top}/{name}"));
        found.unwrap_or_else(|| panic!("no {name} in {names:#?}")).1
    };
    let host = "lib/rustlib/x86_64-unknown-linux-gnu";
    for name in ["bin/rustc", "bin/rustdoc", "bin/cargo", "lib/librustc_driver-0123.so", "lib/bringup/cargo"] {
        is_link(name);
    }
    is_link(&format!("{host}/lib/libstd-0123.rlib"));
    for triple in ["fake-alpine-linux-musl", "twin-alpine-linux-musl"] {
        for program in ["clang", "clang++", "ar", "pkg-config", "gcc"] {
            is_link(&format!("bin/{triple}-{program}"));
        }
        is_link(&format!("share/cmake/{triple}.cmake"));
        is_link(&format!("{host}/bin/{triple}-clang"));
        is_link(&format!("lib/rustlib/{triple}/target.json"));
        is_link(&format!("lib/rustlib/{triple}/lib/libstd-0123.so"));
        let own = format!("lib/bringup/{triple}");
        is_link(&format!("{own}/clang/include/stddef.h"));
        is_link(&format!("{own}/clang/lib/fake-unknown-linux-musl/libclang_rt.builtins.a"));
        is_link(&format!("{own}/sysroot/usr/include/stdio.h"));
        is_link(&format!("{own}/sysroot/usr/include/asm/unistd.h"));
        is_link(&format!("{own}/sysroot/usr/lib/libc++.a"));
        // The C library and the loader are one file.
        let loader = format!("{own}/sysroot/lib/ld-musl-{}.so.1", triple.split('-').next().unwrap());
        assert_ne!(is_link(&loader), is_link(&format!("{own}/sysroot/usr/lib/libc.so")));
    }
    assert!(!names.iter().any(|(name, _)| name.ends_with("inputs.json")));
    project.assert_clean();
}

#[test]
fn its_scripts_find_everything_wherever_it_is() {
    let project = project();
    let folder = unpacked(&dist(&project, &["fake"]), &project.base().join("unpacked"));
    let moved = project.base().join("moved to");
    fs_err::rename(folder, &moved).unwrap();
    // As the user of another machine calls it: by a link.
    let (driver, link) = ("bin/fake-alpine-linux-musl-clang", project.base().join("driver"));
    symlink(moved.join(driver), &link).unwrap();
    let here = fs_err::canonicalize(&moved).unwrap().display().to_string();
    let runner = "bin/fake-alpine-linux-musl-run";
    for script in ["bin/cargo", driver, runner, "lib/bringup/tool.sh", AR] {
        let text = fs_err::read_to_string(moved.join(script)).unwrap();
        // The sysroot has a folder of this name, too.
        let of_host = text.replace("/sysroot/usr/", "");
        assert!(!text.contains(project.base().to_str().unwrap()) && !of_host.contains("/usr"), "{text}");
    }

    let path = bare(&project);
    let missing = there(&project, &link, &["-c", "x.c"], &path).run().ends_with(127);
    missing.says(&["driver: the search path has no ld.lld-22 and no ld.lld", "hint: install ld.lld of LLVM"]);
    let shows = "printf '%s\\n' \"$0\" \"$@\"";
    let tool = |name: &str, text: &str| {
        let script = project.script(name, text);
        fs_err::rename(script, path.join(name)).unwrap();
    };
    tool("ld.lld", "");
    let missing = there(&project, &link, &["-c", "x.c"], &path).run().ends_with(127);
    missing.says(&["no clang-22 and no clang", "hint: install clang of LLVM"]);
    // Another release takes headers of its own.
    tool("clang", &format!("[ \"$1\" = -print-resource-dir ] && echo /resources && exit\n{shows}"));
    let words = there(&project, &link, &["-c", "a b.c"], &path).run().ends_with(0).stdout;
    let lines: Vec<&str> = words.lines().collect();
    let has = |word: String| assert!(lines.contains(&&*word), "no {word} in {words}");
    has("-nobuiltininc".into());
    has("/resources/include".into());
    has(format!("--ld-path={}", path.join("ld.lld").display()));
    has(format!("--sysroot={here}/lib/bringup/fake-alpine-linux-musl/sysroot"));
    has(format!("-resource-dir={here}/lib/bringup/fake-alpine-linux-musl/clang"));
    has("a b.c".into());
    has("-march=one".into());
    assert_eq!(lines.last(), Some(&"--target=fake-linux-musl"));
    // The release that it was built with comes first, and has its headers here.
    tool("clang-22", shows);
    let beside = moved.join("lib/rustlib/x86_64-unknown-linux-gnu").join(driver);
    let words = there(&project, &beside, &[], &path).run().ends_with(0).stdout;
    assert!(words.contains("/clang-22\n") && !words.contains("-nobuiltininc"), "{words}");

    let ar = moved.join(AR);
    there(&project, &ar, &[], &path).run().ends_with(127).says(&["no llvm-ar-22 and no llvm-ar"]);
    tool("llvm-ar", shows);
    assert!(there(&project, &ar, &["rcs"], &path).run().ends_with(0).stdout.ends_with("rcs\n"));

    let cargo = moved.join("lib/bringup/cargo");
    fs_err::remove_file(&cargo).unwrap();
    let shows =
        project.script("cargo", "echo \"$RUSTC $RUSTDOC $CC_fake_alpine_linux_musl $AR_fake_alpine_linux_musl $*\"");
    fs_err::rename(shows, cargo).unwrap();
    let cargo = there(&project, &moved.join("bin/cargo"), &["build"], &path);
    let expected = format!("{here}/bin/rustc {here}/bin/rustdoc {here}/{driver} {here}/{AR} build\n");
    assert_eq!(cargo.run().ends_with(0).stdout, expected);
    let cargo = there(&project, &moved.join("bin/cargo"), &[], &path).env("CC_fake_alpine_linux_musl", "my-cc");
    assert!(cargo.run().stdout.contains(" my-cc "), "the user's own goes first");

    let missing = there(&project, &moved.join(runner), &["program"], &path).run().ends_with(127);
    missing.says(&["running program: the emulator qemu-fake is not on the search path", "hint: install QEMU"]);
    tool("qemu-fake", "printf '%s\\n' \"$@\"");
    let words = there(&project, &moved.join(runner), &["program", "a b"], &path).run().ends_with(0).stdout;
    let sysroot = format!("-L\n{here}/lib/bringup/fake-alpine-linux-musl/sysroot\n");
    assert!(words.contains(&sysroot) && words.ends_with("program\na b\n"), "{words}");
    there(&project, &moved.join("bin/cargo-clippy"), &["clippy"], &path)
        .run()
        .ends_with(1)
        .says(&["Clippy must be built"]);
}

#[test]
fn the_manifest_says_what_it_is() {
    let project = project();
    let archive = dist(&project, &["--without", "musl/1", "fake"]);
    let folder = unpacked(&archive, &project.base().join("unpacked"));
    let mut manifest = manifest(&folder);
    let files = manifest["files"].as_object().unwrap().clone();
    let listed: Vec<&String> = files.keys().collect();
    let there: Vec<String> = entries(&archive)
        .into_iter()
        .map(|(name, _)| name.split_once('/').unwrap().1.to_owned())
        .filter(|name| name != "manifest.json")
        .collect();
    assert_eq!(listed, there.iter().collect::<Vec<_>>());
    for (name, hash) in &files {
        assert_eq!(bringup_runner::files::sha256_file(&folder.join(name)).unwrap(), hash.as_str().unwrap(), "{name}");
    }
    for license in ["licenses", "crates"].iter().flat_map(|list| manifest[list].as_array().unwrap()) {
        let texts = license["files"].as_array().unwrap();
        assert!(texts.iter().all(|text| files.contains_key(text.as_str().unwrap())), "{license}");
    }
    manifest["files"] = Value::Null;
    insta::assert_snapshot!(without_digests(&serde_json::to_string_pretty(&manifest).unwrap()));

    let manifest = self::manifest(&unpacked(&dist(&project, &["fake"]), &project.base().join("again")));
    assert_eq!(manifest["notes"], Value::Array(vec![]));
    assert_eq!(manifest["patches"][0]["file"], "patches/musl/1.2.6/0001-malloc-give-back-something.patch");
}

fn without_digests(text: &str) -> String {
    let is_digest = |word: &str| word.len() == 64 && word.chars().all(|c| c.is_ascii_hexdigit());
    text.split('"').map(|word| if is_digest(word) { "[digest]" } else { word }).collect::<Vec<_>>().join("\"")
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let project = project();
    let first = dist(&project, &["fake", "twin"]);
    let bytes = fs_err::read(&first).unwrap();
    project.run(&["clean"], 0);
    // The order of the targets is not in it.
    let again = dist(&project, &["twin", "fake", "-o", "../again.tar.xz"]);
    assert!(fs_err::read(again).unwrap() == bytes, "another archive");
    assert_eq!(dist(&project, &["fake", "twin"]), first);
    assert!(fs_err::read(&first).unwrap() == bytes, "another archive");
    assert_ne!(dist(&project, &["fake"]), first);

    // Elsewhere too, but for the fake compilers, which say where they were built.
    let other = prepared(project!("another clone"));
    let files = [(&project, &first), (&other, &dist(&other, &["fake", "twin"]))].map(|(project, archive)| {
        let manifest = manifest(&unpacked(archive, &project.base().join("compared")));
        let mut files: BTreeMap<String, Value> = serde_json::from_value(manifest["files"].clone()).unwrap();
        files.retain(|name, _| !["bin/rustc", "bin/rustdoc"].contains(&name.as_str()));
        files
    });
    assert_eq!(files[0], files[1]);
}

#[test]
fn what_cannot_be_given_away_is_refused() {
    let project = project();
    project.run(&["dist", "fake"], 2).says(&["the stock compiler cannot be packed", "hint: add --compiler bootstrap"]);
    assert!(!project.path("out").exists(), "refused before any work");
    project.run(&["dist", "--compiler", "bootstrap", "fakes"], 2).says(&["fakes"]);
    project.fail("cargo-build", "error: no std");
    let output = project.run(&["dist", "--compiler", "bootstrap", "fake"], 101);
    output.says(&["step `std fake` failed", "no std"]);
    assert_eq!(output.stdout, "");
    assert!(!project.path("out/dist").exists());
    project.release();
    project.run(&["dist", "--compiler", "bootstrap", "fake", "-o", "/proc/nowhere/x"], 101).says(&["/proc/nowhere"]);
    // Two targets cannot be one for the compiler.
    project.edit("targets/twin/target.toml", "triple = \"twin-", "triple = \"fake-");
    project.edit("targets/twin/target.toml", "-march=one", "-march=two");
    let output = project.run(&["dist", "--compiler", "bootstrap", "fake", "twin"], 101);
    output.says(&["two different files have the name `", "fake-alpine-linux-musl"]);
}

#[test]
fn programs_stay_programs() {
    let project = project();
    let folder = unpacked(&dist(&project, &["fake"]), &project.base().join("unpacked"));
    let mode = |name: &str| fs_err::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
    for name in ["bin/rustc", "bin/cargo", "lib/bringup/cargo", "bin/fake-alpine-linux-musl-clang"] {
        assert_eq!(mode(name), 0o755, "{name}");
    }
    assert_eq!(mode("licenses/musl/COPYRIGHT"), 0o644);
}
