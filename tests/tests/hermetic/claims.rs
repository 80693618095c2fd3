//! What target.toml claims, compared with what the tools say.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bringup_tests::{Project, cases, project};

const FAKE: &str = "targets/fake/target.toml";

/// `target check` with target.toml edited must end with 2 and name the file and this.
fn fault(project: &Project, right: &str, wrong: &str, expected: &[&str]) {
    let before = project.read(FAKE);
    project.edit(FAKE, right, wrong);
    let output = project.cmd(&["target", "check", "fake"]).run();
    project.write(FAKE, before);
    let file = format!("{}: ", project.path(FAKE).display());
    let output = output.ends_with(2);
    output.says(&[&[file.as_str()], expected].concat());
    output.says(&["hint: "]);
}

#[test]
fn a_key_that_contradicts_a_tool_is_a_fault_with_both_values() {
    let project = project!();
    project.run(&["target", "check", "fake"], 0).says(&["fake: spec, baseline, settings, limits"]);
    let faults: [(&str, &str, &[&str]); 15] = [
        ("-march=one", "-march=bogus", &["[c] flags: clang complains: error: unsupported argument 'bogus'"]),
        ("__ONE__ 1", "__ONE__ 2", &["[baseline.has] one: clang predefines __ONE__ as 1, expected 2"]),
        ("__ONE__ 1", "__NONE__", &["[baseline.has] one: clang does not predefine __NONE__"]),
        ("__TWO__", "__SIZEOF_*", &["[baseline] lacks: __SIZEOF_*, but clang predefines __SIZEOF_POINTER__ as 8"]),
        ("rust = [\"one\"]", "rust = [\"won\"]", &["one: rustc knows no target feature `won`"]),
        (
            "rust = [\"one\"]",
            "rust = [\"two\"]",
            &[
                "one: rustc does not enable the target feature `two`",
                "[baseline.has]: rustc enables the target feature `one`, which no entry names",
            ],
        ),
        (
            "[spec.set]",
            "[spec.set]\nfeatures = \"two\"",
            &["rustc enables the target feature `two`, which no entry names"],
        ),
        (
            "[spec.set]",
            "[spec.set]\ntarget-pointer-width = 32\ntarget-endian = \"big\"",
            &["[elf] class is 64, but the spec's target-pointer-width is 32"],
        ),
        (
            "[spec.set]",
            "[spec.set]\ntarget-pointer-width = 64",
            &["[elf] endian is big, but the spec's target-endian is little"],
        ),
        ("class = 64", "class = 32", &["[elf] class is 32, but clang's pointers have 64 bits"]),
        (
            "endian = \"big\"",
            "endian = \"little\"",
            &[
                "[elf]: in an object of rustc, byte order is big, expected little",
                "[elf] endian is little, but clang's is big",
            ],
        ),
        (
            "machine = \"S390\"",
            "machine = \"PPC64\"",
            &[
                "[elf]: in an object of rustc, machine is S390, expected PPC64",
                "[elf]: in an object of clang, machine is S390, expected PPC64",
            ],
        ),
        (
            "cpu = \"one\"",
            "cpu = \"none\"",
            &[
                "[baseline.instructions] cpu, features: LLVM's decoder complains: 'none' is not a recognized processor",
                "[baseline.instructions] cpu is none, but clang compiles for one",
            ],
        ),
        (
            "probe = \"first\"",
            "probe = \"illegal\"",
            &[
                "[baseline.has] one: `illegal`: the default CPU of ",
                "qemu-fake does not have this instruction",
                "-cpu help",
            ],
        ),
        (
            "emulator = \"fake\"",
            "emulator = \"fage\"",
            &["[qemu] emulator: there is no qemu-fage", "did you mean `fake`"],
        ),
    ];
    cases(faults.map(|fault| (fault.1, fault)), |(right, wrong, expected)| fault(&project, right, wrong, expected));
}

#[test]
fn a_baseline_that_cannot_be_compared_is_refused_by_every_verb() {
    let project = project!();
    let faults = [
        ("c = [\"__ONE__ 1\"], rust = [\"one\"], ", "", "[baseline.has] one: expected `c`"),
        (
            "probe = \"first\"",
            "only = \"c\"",
            "[baseline.has] one: only: a difference between C and Rust requires a `reason`",
        ),
        (
            "cpu = \"one\"",
            "features = [\"one\"]",
            "[baseline.instructions] features: `one` begins neither with + nor with -",
        ),
    ];
    cases(faults.map(|fault| (fault.1, fault)), |(right, wrong, expected)| {
        let before = project.read(FAKE);
        project.edit(FAKE, right, wrong);
        let output = project.cmd(&["plan", "fake"]).run();
        project.write(FAKE, before);
        output.ends_with(2).says(&[&format!("{}: {expected}", project.path(FAKE).display())]);
    });
}

#[test]
fn a_cpu_that_the_emulator_lacks_is_a_fault() {
    let project = project!();
    let emulator = project.cache().join("qemu/11.1.3/usr/bin/qemu-fake");
    let right = fs_err::read_link(&emulator).unwrap();
    let refuse = "case \" $* \" in *' -cpu nope '*) echo \"unable to find CPU model 'nope'\" >&2 && exit 1 ;; esac";
    let script = project.script("picky", &format!("{refuse}\nexec {} \"$@\"", right.display()));
    project.emulator("11.1.3", &script);
    project.run(&["target", "check", "fake"], 0);
    let expected =
        ["[qemu] cpu: ", "with the CPU `nope` does not run a tiny program", "unable to find CPU model 'nope'"];
    fault(&project, "emulator = \"fake\"", "emulator = \"fake\"\ncpu = \"nope\"", &expected);
}

#[test]
fn two_targets_of_one_triple_are_a_fault() {
    let project = project!();
    let expected = ["triple is `twin-alpine-linux-musl`, which is also that of twin"];
    fault(&project, "fake-alpine-linux-musl", "twin-alpine-linux-musl", &expected);
}

#[test]
fn musls_source_is_asked_where_it_is_unpacked() {
    let project = project!();
    project.run(&["target", "check", "fake"], 0).says(&["so musl.arch is unchecked"]);
    project.write("out/patch/musl-0/arch/fake/bits/float.h", "#define LDBL_MANT_DIG 113\n");
    let sound = project.run(&["target", "check", "fake"], 0);
    assert!(!sound.stderr.contains("unchecked"), "{}", sound.stderr);
    fault(
        &project,
        "arch = \"fake\"",
        "arch = \"fakke\"",
        &["musl has no architecture `fakke`", "did you mean `fake`"],
    );
    project.write("out/patch/musl-0/arch/fake/bits/float.h", "#define LDBL_MANT_DIG 64\n");
    project
        .run(&["target", "check", "fake"], 2)
        .says(&["clang's long double has 113 bits of precision, musl's has 64"]);
}

#[test]
fn what_a_missing_tool_leaves_unchecked_is_said() {
    let project = project!();
    let (clang, away) = (project.host("tools/clang-22"), project.host("clang-22"));
    fs_err::rename(&clang, &away).unwrap();
    let output = project.run(&["target", "check", "fake"], 96);
    output.says(&["what clang and the emulators say is unchecked: the host lacks clang"]);
    assert!(!output.stderr.contains("are sound"), "{}", output.stderr);
    // rustc is asked, and a fault that it shows decides the exit code.
    fault(&project, "rust = [\"one\"]", "rust = [\"won\"]", &["no target feature `won`", "the host lacks clang"]);
    fs_err::rename(&away, &clang).unwrap();
    fs_err::remove_dir_all(project.cache().join("qemu")).unwrap();
    let output = project.run(&["target", "check", "fake", "--offline"], 96);
    output.says(&["whether the emulator of fake runs its baseline is unchecked: finding qemu-fake"]);
}

/// The checks of `smoke` by name, with their details.
fn smoke(project: &Project, link: &str) -> Vec<(String, String)> {
    project.cmd(&["smoke", "fake", "--link", link]).run();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let report = project.report();
    let checks = report["runs"][0]["smoke"].as_array().unwrap();
    checks.iter().map(|check| (text(&check["check"]), text(&check["detail"]))).collect()
}

#[test]
fn smoke_audits_the_toolchain_in_every_link_mode() {
    let project = project!();
    project.write("smoke/Cargo.toml", "");
    project.write("smoke/programs/src/bin/hello.rs", "");
    project.write("smoke/programs/src/bin/hello.out", "");
    let instructions = |link: &str| {
        let checks = smoke(&project, link);
        let find = |name: &str| {
            let found = checks.iter().find(|(check, _)| *check == format!("{link}/{name}"));
            found.unwrap_or_else(|| panic!("no {link}/{name} in {checks:?}")).1.clone()
        };
        // The fake objects are none.
        assert!(find("C objects abi").contains("not a readable ELF file"), "{checks:?}");
        assert!(find("Rust objects abi").contains("not a readable ELF file"), "{checks:?}");
        find("instructions")
    };
    for link in ["dynamic", "static"] {
        assert_eq!(instructions(link), "");
        let listing =
            "liby.a(y.o):\tfile format fake\n0000 <g>:\n   0: ff 02  \tsecond\t%r1\n   2: ff 03  \t<unknown>\n";
        fs_err::write(project.host("state/listing"), listing).unwrap();
        let expected = "`<ff 03>` is beyond the baseline: in g of liby.a(y.o)\n`second` is beyond the baseline: in g of liby.a(y.o)";
        assert_eq!(instructions(link), expected);
        let before = project.read(FAKE);
        let allow = "cpu = \"one\"\nnewer = [\"fir*\"]\n[[baseline.instructions.allow]]\ninstructions = [\"second\", \"<ff *>\"]\n\
                     symbols = [\"g\"]\nreason = \"run time\"\n[[baseline.instructions.allow]]\ninstructions = [\"third\"]\n\
                     symbols = [\"g\"]\nreason = \"none\"";
        project.edit(FAKE, "cpu = \"one\"", allow);
        let found = instructions(link);
        assert!(found.starts_with("`first` is beyond the baseline: in fn of "), "{found}");
        assert!(found.ends_with("no third occurs in g any more: remove the entry"), "{found}");
        let data = |symbol: &str| {
            let entry = format!("\n[[baseline.instructions.data]]\nsymbols = [\"{symbol}\"]\nreason = \"a distance\"");
            project.write(FAKE, before.replace("cpu = \"one\"", &format!("cpu = \"one\"{entry}")));
            instructions(link)
        };
        assert_eq!(data("g"), "");
        let found = data("h");
        assert!(found.ends_with("there is no h any more: remove the entry"), "{found}");
        assert!(found.starts_with("`<ff 03>` is beyond the baseline: in g of "), "{found}");
        project.write(FAKE, before);
        project.release();
    }
}
