//! What is no evidence: an emulator that loses or changes what programs report, or is another one than it was; and results
//! that have changed on the disk.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use bringup_tests::{Project, cases, project};
use serde_json::Value;

const ONE: [&str; 6] = ["test", "fake", "--link", "dynamic", "--suite", "std"];

/// The fake emulator behind a filter of what its programs print. `when` says for which command lines, as patterns of
/// the shell; `$code` is the exit status.
fn wrapper(project: &Project, name: &str, when: &str, filter: &str, code: &str) -> String {
    let fake = env!("CARGO_BIN_EXE_fake-qemu");
    let text = format!(
        "case \"$*\" in\n*--version*) exec {fake} --version ;;\n{when}) ;;\n*) exec {fake} \"$@\" ;;\nesac\n\
         out=$TMPDIR/said.$$\n{fake} \"$@\" >\"$out\"\ncode=$?\n{filter} <\"$out\"\nrm \"$out\"\nexit {code}"
    );
    project.script(name, &text).display().to_string()
}

fn run_of(project: &Project) -> Value {
    project.report()["runs"][0].clone()
}

#[test]
fn an_emulator_that_loses_or_changes_output_is_found_out() {
    const LIST: &str = "*--list*";
    const RUNS: &str = "*--exact*";
    const ALL: &str = "*";
    const SWAP: &str = "awk 'NR == 3 { held = $0; next } { print } NR == 4 { print held }'";
    let project = project!();
    project.tests("std", "pass_a pass_b fail_c ignored_d pass_e pass_f");
    project.write("targets/fake/expect.txt", "# Reason: x\nstd  fail_c  fail\n");
    project.run(&ONE, 0);
    assert_eq!(project.outcomes().len(), 1);
    for (name, when, filter, code, says) in [
        ("every third line lost", ALL, "awk 'NR % 3'", "$code", "fail_c starts before pass_a has ended"),
        ("lines of the list lost", LIST, "awk 'NR % 4'", "$code", "it lists 5 tests, and says that there are 6"),
        ("the list's end lost", LIST, "grep ': '", "$code", "the number at the end of its list is missing"),
        ("the list's lines repeated", LIST, "sed p", "$code", "it lists pass_a, pass_b, fail_c, … twice"),
        ("the first event lost", RUNS, "sed 1d", "$code", "its first event is missing"),
        ("a start lost", RUNS, "sed 4d", "$code", "pass_b ends, but did not start"),
        ("an end lost", RUNS, "sed 5d", "$code", "fail_c starts before pass_b has ended"),
        ("an end repeated", RUNS, "sed 5p", "$code", "pass_b ends twice"),
        ("lines moved", RUNS, SWAP, "$code", "pass_b starts before pass_a has ended"),
        ("all lines repeated", RUNS, "sed p", "$code", "its first event came twice"),
        ("counts changed", RUNS, "sed 's/filtered_out\": 0/filtered_out\": 1/'", "$code", "as left out, but"),
        ("exit status 0", RUNS, "cat", "0", "it exits with status 0 after a test has failed"),
        ("exit status 0 always", ALL, "cat", "0", "asked for what it must refuse with exit status 101, it"),
    ] {
        let emulator = wrapper(&project, "wrapper", when, filter, code);
        let output = project.run(&[&ONE[..], &["--qemu", &emulator]].concat(), 101);
        let run = run_of(&project);
        let error = run["error"].as_str().unwrap_or_default();
        assert!(error.contains("contradicts itself\n  ") && error.contains(says), "{name}: {run:#}");
        assert_eq!(run["verdict"], "incomplete", "{name}");
        output.says(&["the results are no evidence", "hint: something between the programs and Bringup"]);
        assert_eq!(project.outcomes().len(), 1, "{name}: nothing is recorded of it");
    }
    project.assert_clean();
}

#[test]
fn tests_that_only_one_link_mode_lacks_are_missed() {
    let project = project!();
    let filter = "sed '/^pass_b/d; s/^4 tests/3 tests/; s/\"filtered_out\": 1/\"filtered_out\": 0/'";
    let emulator = wrapper(&project, "wrapper", "*/static/*", filter, "$code");
    project.run(&["test", "fake", "--suite", "std", "--qemu", &emulator], 101);
    let runs = project.report()["runs"].clone();
    assert_eq!((&runs[0]["verdict"], &runs[1]["verdict"]), (&"expected".into(), &"incomplete".into()));
    let error = runs[1]["error"].as_str().unwrap();
    assert!(error.contains("suite std lacks 1 tests that it has with link mode dynamic"), "{error}");
    assert!(error.contains(": pass_b\n"), "{error}");
}

#[test]
fn an_emulator_that_changes_during_the_run_gives_no_results() {
    let project = project!();
    let path = project.cache().join("qemu/11.1.3/usr/bin/qemu-fake");
    let fake = env!("CARGO_BIN_EXE_fake-qemu");
    let swap = format!("case \"$*\" in *--exact*) ln -sfn {fake} {} ;; esac\nexec {fake} \"$@\"", path.display());
    let first = project.script("first", &swap);
    project.emulator("11.1.3", &first);
    project.run(&ONE, 101).says(&["hint: run the same command again"]);
    let error = run_of(&project)["error"].to_string();
    assert!(error.contains("qemu-fake has changed while its programs ran: its sha256 was "), "{error}");
    assert_eq!(project.outcomes(), [""; 0]);
    project.run(&ONE, 0);
    let used = run_of(&project)["emulator"].clone();
    let hash = bringup_runner::files::sha256_file(std::path::Path::new(fake)).unwrap();
    assert_eq!(used, serde_json::json!({ "version": "qemu-x version 11.1.3 (fake)", "sha256": hash }));
}

#[test]
fn results_of_several_emulators_are_not_mixed() {
    let project = project!();
    project.tests("std", "pass_a fail_b pass_c");
    let other = wrapper(&project, "other", "none", "cat", "$code");
    let part = |number: usize, options: &[&str]| {
        project.cmd(&[&ONE[..], &["--partition", &format!("slice:{number}/2")], options].concat()).run();
        let file = format!("{number}.json");
        project.write(&file, project.read("out/report/report.json"));
        file
    };
    let [first, second] = [part(1, &[]), part(2, &["--qemu", &other])];
    project.run(&["report", "merge", &first, &second], 101).says(&[
        "the reports cannot be merged: programs of fake ran under qemu-x version 11.1.3 (fake) (sha256 ",
        ", others under qemu-x version 11.1.3 (fake) (sha256 ",
    ]);
    let narrow = part(2, &["--isolation", "none"]);
    project
        .run(&["report", "merge", &first, &narrow], 101)
        .says(&["one part ran with --isolation full, another with --isolation none"]);
    let second = part(2, &[]);
    project.run(&["report", "merge", &first, &second], 0);

    // Failures under an emulator that somebody named are not the target's.
    project.run(&[&ONE[..], &["--qemu", &other]].concat(), 100);
    project.run(&["bless", "fake", "--yes"], 2).says(&[
        "fake ran under the emulator that --qemu named, qemu-x version 11.1.3 (fake) (sha256 ",
        "hint: `cargo xtask test fake` runs the tests under the project's emulator",
    ]);
    project.run(&["bless", "fake", "--yes", "--emulator"], 0);
    assert!(project.read("qemu/fake.expect.txt").contains("std  fail_b"));
}

#[test]
fn a_record_that_has_changed_is_not_used() {
    let project = project!();
    project.run(&ONE, 0);
    let record = format!("out/{}", project.outcomes()[0]);
    project.note_starts();
    for file in ["outcomes.json", "inputs.json", "sha256"] {
        let path = format!("{record}/{file}");
        let mut bytes = fs_err::read(project.path(&path)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        project.write(&path, bytes);
        project.run(&["verify", "fake"], 101).says(&[&record]);
        project.run(&ONE, 0).says(&["warning: the record ", "is not used: "]);
        assert!(!project.starts().is_empty(), "{file}");
        project.run(&ONE, 0);
        assert_eq!(project.starts(), [""; 0], "{file}");
    }
    project.run(&["verify", "fake"], 0);
}

#[test]
fn verify_names_what_has_changed() {
    let project = project!();
    project.run(&["build", "fake"], 0);
    project.run(&["verify"], 0).says(&["results and downloads are as they were made"]);
    let steps = project.steps();
    let musl = steps.iter().find(|step| step.starts_with("musl/")).unwrap();
    let folder = project.path("out").join(musl);
    let mut files: Vec<_> = bringup_runner::files::files_below(&folder).unwrap();
    files.retain(|path| !path.is_symlink() && !path.ends_with("inputs.json"));
    let victim = files[0].clone();
    let name = victim.strip_prefix(&folder).unwrap().display().to_string();
    let whole = fs_err::read(&victim).unwrap();
    let mode = |bits| fs_err::set_permissions(&victim, std::fs::Permissions::from_mode(bits)).unwrap();
    let bits = fs_err::metadata(&victim).unwrap().permissions().mode();
    // Replaced, because the file may be the same one in other steps.
    let put = |bytes: &[u8]| {
        fs_err::remove_file(&victim).unwrap();
        fs_err::write(&victim, bytes).unwrap();
        mode(bits);
    };
    let flipped: Vec<u8> = whole.iter().map(|byte| byte ^ 1).collect();
    let link = || {
        fs_err::remove_file(&victim).unwrap();
        symlink("elsewhere", &victim).unwrap();
    };
    let kinds: [(&str, &dyn Fn(), String); 6] = [
        ("changed", &|| put(&[&flipped[..], b"x"].concat()), format!("{name} has changed: its sha256 was")),
        ("truncated", &|| put(b""), format!("{name} has changed: its sha256 was")),
        ("missing", &|| fs_err::remove_file(&victim).unwrap(), format!("{name} is missing")),
        ("mode", &|| mode(0o600), format!("{name} has mode 600, and had")),
        ("link", &link, format!("{name} is a link to elsewhere, and was a file")),
        ("added", &|| fs_err::write(folder.join("more"), "").unwrap(), "more was added".into()),
    ];
    cases(kinds.map(|(label, change, text)| (label.to_owned(), (change, text))), |(change, text)| {
        change();
        let place = format!("out/{musl}");
        let output = project.run(&["verify"], 101);
        output.prints(&[&place, &text]);
        output.says(&[&format!("`rm -r {place}`")]);
        let _ = fs_err::remove_file(folder.join("more"));
        let _ = fs_err::remove_file(&victim);
        fs_err::write(&victim, &whole).unwrap();
        mode(bits);
        project.run(&["verify"], 0);
    });
    // A target has its own steps.
    fs_err::remove_file(&victim).unwrap();
    project.run(&["verify", "twin"], 0);
    fs_err::remove_dir_all(&folder).unwrap();
    project.run(&["build", "fake"], 0);
    project.run(&["verify"], 0);
}
