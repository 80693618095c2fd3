//! Archives of test programs: they run elsewhere as they do here, and only if they are whole.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use bringup_tests::{Archive, Invocation, Project, project};
use serde_json::Value;

/// Makes the archive of the target `fake` and gives its path.
fn archive(project: &Project, options: &[&str]) -> PathBuf {
    let printed = project.run(&[&["archive", "fake"], options].concat(), 0).stdout;
    let path = printed.strip_suffix('\n').unwrap();
    project.path("").join(path)
}

/// A command line in a folder that is no project, on a host with no tool but the emulator.
fn elsewhere(project: &Project, args: &[&str]) -> Invocation {
    let folder = project.base().join("elsewhere");
    let bare = project.base().join("bare");
    for folder in [&folder, &bare] {
        fs_err::create_dir_all(folder).unwrap();
    }
    project.cmd(args).dir(&folder).env("PATH", bare).env("CARGO", "/nowhere/cargo")
}

fn report(folder: &Path) -> Value {
    serde_json::from_slice(&fs_err::read(folder.join("out/report/report.json")).unwrap()).unwrap()
}

/// The report's runs without what may differ between two runs of the same.
fn runs(report: &Value) -> Value {
    fn strip(value: &mut Value) {
        if let Some(object) = value.as_object_mut() {
            object.retain(|key, _| !["wall_s", "cpu_s", "cached", "steps", "origin"].contains(&key.as_str()));
            object.values_mut().for_each(strip);
        }
        if let Some(array) = value.as_array_mut() {
            array.iter_mut().for_each(strip);
        }
    }
    let mut runs = report["runs"].clone();
    strip(&mut runs);
    runs
}

/// Contents by name.
type Files = BTreeMap<String, Vec<u8>>;

/// What is in the tar archive, hard links resolved.
fn content(bytes: &[u8]) -> Files {
    let mut files = Files::new();
    for entry in tar::Archive::new(bytes).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        if let Some(first) = entry.link_name().unwrap() {
            content.clone_from(&files[first.to_str().unwrap()]);
        }
        files.insert(entry.path().unwrap().display().to_string(), content);
    }
    files
}

fn unpacked(archive: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    liblzma::read::XzDecoder::new(fs_err::File::open(archive).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn an_archive_runs_elsewhere_as_it_does_here() {
    let project = project!();
    project.tests("std", "pass_a ignored_b fail_c segv_d static_e");
    project.write("targets/fake/expect.txt", "# Reason: x\nstd  fail_c  fail\nstd  static_e  fail  link=static\n");
    project.write("qemu/fake.expect.txt", "# Reason: y\nstd  segv_d  crash\n");
    let archive = archive(&project, &[]);
    project.run(&["test", "fake"], 0);
    let here = project.report();
    // Nothing of the project is looked at any more.
    fs_err::remove_dir_all(project.path("targets")).unwrap();
    let output = elsewhere(&project, &["test", "--archive", archive.to_str().unwrap()]).run().ends_with(0);
    output.says(&["test fake dynamic core", "test fake static std"]);
    let folder = project.base().join("elsewhere");
    let there = report(&folder);
    assert_eq!(runs(&there), runs(&here));
    assert_eq!((&there["pins"], &there["build"]), (&here["pins"], &here["build"]));
    assert_eq!(there["hosts"][0]["tools"].as_object().unwrap().get("clang"), None);

    project.note_starts();
    elsewhere(&project, &["test", "fake", "--archive", archive.to_str().unwrap()])
        .run()
        .ends_with(0)
        .says(&["Cached 10 steps"]);
    assert_eq!(project.starts(), [""; 0], "what is known is taken over");
    let part = ["test", "--archive", archive.to_str().unwrap(), "--suite", "std", "--link", "static", "--rerun"];
    elsewhere(&project, &part).run().ends_with(0).says(&["fake    qemu    static"]);
    assert!(!project.starts().is_empty() && report(&folder)["runs"].as_array().unwrap().len() == 1);
}

#[test]
fn the_next_command_has_what_the_archive_s_run_had() {
    let project = project!();
    project.tests("std", "pass_a fail_b");
    let archive = archive(&project, &[]);
    let archive = archive.to_str().unwrap();
    let run = ["test", "--archive", archive, "--suite", "std", "--link", "static", "--isolation", "none"];
    let output = elsewhere(&project, &run).run().ends_with(100);
    let again = format!(
        "hint: to run it again: bringup test --suite std --filter fail_b --link static --archive {archive} --isolation none\n"
    );
    output.says(&[&again]);
    assert!(!output.stderr.contains("triage"), "{}", output.stderr);
    project.write("targets/fake/expect.txt", "# Reason: x\nstd  pass_a  fail\nstd  fail_b  fail\n");
    let archive = project.run(&["archive", "fake"], 0).stdout;
    let output = elsewhere(&project, &["test", "--archive", archive.trim_end(), "--suite", "std"]).run().ends_with(10);
    output.says(&["hint: to accept these results, in the project: cargo xtask bless fake --report REPORT.JSON\n"]);
}

#[test]
fn within_the_project_its_outcomes_are_those_of_the_built_programs() {
    let project = project!();
    let archive = archive(&project, &[]);
    project.run(&["test", "fake"], 0);
    project.note_starts();
    project.run(&["test", "--archive", archive.to_str().unwrap()], 0).says(&["Cached 10 steps"]);
    assert_eq!(project.starts(), [""; 0]);
    project.assert_clean();
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let project = project!();
    let first = archive(&project, &[]);
    let bytes = fs_err::read(&first).unwrap();
    let names: Vec<String> = content(&unpacked(&first)).into_keys().collect();
    let expected = ["bringup.toml", "lib/libstd-0123.so", "manifest.json", "programs/dynamic/std/unit/std"];
    for name in expected.into_iter().chain(["programs/programs.json", "sysroot/lib/ld-musl-fake.so.1"]) {
        assert!(names.iter().any(|other| other == name), "{name} is not in {names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("twin") || name.contains(".rlib") || name.contains("inputs")));

    project.run(&["clean"], 0);
    let again = archive(&project, &["-o", "../again.tar.xz"]);
    assert_eq!(fs_err::read(again).unwrap(), bytes);
    assert_eq!(archive(&project, &[]), first);
    assert_eq!(fs_err::read(&first).unwrap(), bytes);
    // Other expectations are another archive.
    project.write("targets/fake/expect.txt", "# Reason: x\nstd  pass_a  flake\n");
    assert_ne!(archive(&project, &[]), first);
    project.assert_clean();
}

#[test]
fn a_patch_left_out_is_told_of_where_the_archive_is_run() {
    let project = project!();
    let archive = archive(&project, &["--without", "musl/1"]);
    elsewhere(&project, &["test", "--archive", archive.to_str().unwrap()])
        .run()
        .ends_with(0)
        .says(&["built without patch musl/0001-"]);
    let left_out = report(&project.base().join("elsewhere"))["build"]["left_out"].to_string();
    assert!(left_out.starts_with("[\"musl/0001-"), "{left_out}");
}

#[test]
fn what_is_not_whole_is_refused_before_anything_runs() {
    let project = project!();
    let archive = archive(&project, &[]);
    let (packed, tar) = (fs_err::read(&archive).unwrap(), unpacked(&archive));
    project.note_starts();
    let refused = |name: &str, bytes: &[u8], why: &[&str]| {
        let path = project.base().join(name);
        fs_err::write(&path, bytes).unwrap();
        let output = elsewhere(&project, &["test", "--archive", path.to_str().unwrap()]).run().ends_with(2);
        output.says(&[&[name], why, &["hint: "]].concat());
        let left = project.base().join("elsewhere/out/unpacked");
        assert!(!left.exists() || fs_err::read_dir(left).unwrap().next().is_none(), "nothing stays of {name}");
    };
    refused("cut.tar.xz", &packed[..packed.len() - 100], &["truncated"]);
    refused("short.tar", &tar[..tar.len() / 3], &["truncated"]);
    let mut flipped = packed.clone();
    flipped[packed.len() / 2] ^= 1;
    refused("flipped.tar.xz", &flipped, &["flipped.tar.xz"]);
    refused("text.txt", b"hello", &["expected a tar archive"]);
    refused(
        "source.tar.gz",
        &Project::archive("musl").bytes(),
        &["not an archive of Bringup", "its first file is `top/"],
    );

    // Packed again by somebody, with a change.
    let repack = |change: &dyn Fn(&mut Files)| {
        let mut files = content(&tar);
        change(&mut files);
        let manifest = files.remove("manifest.json");
        let start = manifest.iter().fold(Archive::empty(), |archive, bytes| archive.file("manifest.json", bytes));
        files.iter().fold(start, |archive, (name, bytes)| archive.file(name, bytes)).bytes()
    };
    let altered = repack(&|files| files.get_mut("programs/static/std/unit/std").unwrap().write_all(b"more").unwrap());
    refused("altered.tar.gz", &altered, &["`programs/static/std/unit/std` was altered", "sha256"]);
    let more = repack(&|files| drop(files.insert("programs/more".into(), vec![])));
    refused("more.tar.gz", &more, &["`programs/more` is not listed in manifest.json"]);
    let less = repack(&|files| drop(files.remove("programs/dynamic/std/unit/std")));
    refused("less.tar.gz", &less, &["`programs/dynamic/std/unit/std` is missing, but listed in manifest.json"]);
    let schema = |bytes: &mut Vec<u8>| {
        *bytes = String::from_utf8(bytes.clone()).unwrap().replace("bringup-archive/2", "bringup-archive/9").into();
    };
    let newer = repack(&|files| schema(files.get_mut("manifest.json").unwrap()));
    refused("newer.tar.gz", &newer, &["schema `bringup-archive/9`"]);
    let digest = |bytes: &mut Vec<u8>| {
        *bytes = String::from_utf8(bytes.clone())
            .unwrap()
            .replace("\"test_programs\": \"", "\"test_programs\": \"../")
            .into();
    };
    let digested = repack(&|files| digest(files.get_mut("manifest.json").unwrap()));
    refused("digested.tar.gz", &digested, &["is not a digest of a step"]);
    // A program that lies without, and may be anything.
    let within = "\"std/unit/std\"";
    let list = content(&tar)["programs/programs.json"].clone();
    let list = String::from_utf8(list).unwrap();
    assert!(list.contains(within), "{list}");
    let list = list.replace(within, "\"../../../../../../../../bin/true\"");
    let out = repack(&|files| {
        let hash = |bytes: &[u8]| bringup_model::digest::hex(&<sha2::Sha256 as sha2::Digest>::digest(bytes));
        let before = hash(&files["programs/programs.json"]);
        files.insert("programs/programs.json".into(), list.clone().into());
        let manifest = files.get_mut("manifest.json").unwrap();
        let text = String::from_utf8(manifest.clone()).unwrap();
        *manifest = text.replace(&before, &hash(list.as_bytes())).into();
    });
    refused("out.tar.gz", &out, &["bin/true` leads out of its folder"]);
    refused(
        "bare.tar.gz",
        &repack(&|files| drop(files.remove("manifest.json"))),
        &["its first file is `bringup.toml`"],
    );
    assert_eq!(project.starts(), [""; 0]);

    // Unchanged, it may be packed in any way.
    let path = project.base().join("same.tar");
    fs_err::write(&path, &tar).unwrap();
    elsewhere(&project, &["test", "--archive", path.to_str().unwrap()]).run().ends_with(0).says(&[]);
}

#[test]
fn words_that_do_not_go_with_an_archive_are_refused() {
    let project = project!();
    let archive = archive(&project, &[]);
    let start = ["test", "--archive", archive.to_str().unwrap()];
    project.run(&[&start[..], &["twin"]].concat(), 2).says(&["is of fake, not of twin"]);
    for options in [
        ["--release", "edge"],
        ["--without", "musl"],
        ["--musl", "1.2.6"],
        ["--rust", "1.95.0"],
        ["--compiler", "bootstrap"],
        ["--stage", "2"],
    ] {
        project.run(&[start.as_slice(), &options].concat(), 2).says(&["cannot be used with"]);
    }
    project.run(&[&["--musl", "1.2.6"][..], &start].concat(), 2).says(&["'--musl' cannot be used with '--archive"]);
    project.run(&["test", "--archive", "nowhere.tar.xz"], 2).says(&["nowhere.tar.xz", "No such file"]);
    project.run(&["archive"], 2).says(&["<TARGET>"]);
    project.run(&["archive", "fake", "-o", "/proc/nowhere/x"], 101).says(&["/proc/nowhere"]);
    let output = project.run(&["archive", "fake", "-o", "."], 2);
    output.says(&["-o . is a folder"]);
    assert!(!output.stderr.contains("Running"), "told before any work: {}", output.stderr);
}

#[test]
fn what_cannot_be_built_is_not_packed() {
    let project = project!();
    project.fail("crt1.c", "error: no start");
    let output = project.run(&["archive", "fake"], 101);
    output.says(&["step `musl fake` failed", "no start"]);
    assert_eq!(output.stdout, "");
    assert!(!project.path("out/archive").exists());
}
