//! The C corpus in a run: its checks are in the report, and a target.toml that names what it lacks is refused. What is
//! wrong with a program is tested beside `xtask/src/smoke/corpus.rs`.

use bringup_tests::{Project, project};

const TARGET: &str = "targets/fake/target.toml";

fn corpus() -> Project {
    let project = project!();
    project.write("smoke/corpus/features/f16.c", "");
    project.write("smoke/corpus/float.c", "int main(void);\n");
    project.write("smoke/corpus/float.expected", "add/f32/0 3f800000\nadd/f16/0 3c00\n");
    project
}

#[test]
fn each_program_is_a_check_at_each_level_with_the_number_of_its_values() {
    let project = corpus();
    project.write("smoke/programs/src/bin/hello.rs", "fn main() {}\n");
    project.write("smoke/programs/src/bin/hello.out", "hello\n");
    project.fail("float.c", "float.c:1:1: error: no such type");
    project.write(TARGET, project.read(TARGET) + "\n[corpus.without]\nf16 = 'there is none'\n");
    project.run(&["smoke", "fake"], 100).says(&["dynamic/corpus/float/O2", "no such type"]);
    let report = project.report();
    for (run, link) in ["dynamic", "static"].into_iter().enumerate() {
        let checks = report["runs"][run]["smoke"].as_array().unwrap();
        let of_corpus =
            checks.iter().filter(|check| check["values"] == 1).map(|check| check["check"].as_str().unwrap());
        let expected = ["O0", "O2", "Os"].map(|way| format!("{link}/corpus/float/{way}"));
        assert_eq!(of_corpus.collect::<Vec<_>>(), expected);
    }
    // The fake compiler compiles everything, and target.toml says that it does not.
    let checks = report["runs"][0]["smoke"].as_array().unwrap();
    let features = checks.iter().find(|check| check["check"] == "dynamic/corpus/features").unwrap().to_string();
    assert!(features.contains("f16: the toolchain has it") && features.contains("there is none"), "{features}");
    project.assert_clean();
}

#[test]
fn alone_it_requires_neither_std_nor_cxx() {
    let project = project!();
    project.run(&["smoke", "fake", "--corpus"], 2).says(&["--corpus: the project has no folder smoke/corpus"]);
    let project = corpus();
    project
        .run(&["smoke", "fake", "--corpus", "--link", "static"], 100)
        .says(&["static/corpus/float/O0", "hint: to run it again: cargo xtask smoke fake --corpus --link static"]);
    let checks = project.report()["runs"][0]["smoke"].as_array().unwrap().len();
    assert_eq!(checks, 3, "the three levels; the features are a check of the dynamic mode");
    let steps = project.steps();
    assert!(steps.iter().any(|step| step.starts_with("sysroot/")), "{steps:?}");
    for later in ["std/", "libcxx/", "toolchain/"] {
        assert!(!steps.iter().any(|step| step.starts_with(later)), "{steps:?}");
    }
}

#[test]
fn what_the_corpus_lacks_is_refused_before_anything_is_built() {
    let project = corpus();
    let right = project.read(TARGET);
    let variant = |program: &str| {
        format!("\n[[corpus.variant]]\nname = 'v'\nflags = ['-O1']\nprograms = ['{program}']\nreason = 'r'\n")
    };
    for (settings, fault) in [
        ("\n[corpus.without]\nf17 = 'r'\n", "[corpus.without] f17: the corpus has no such feature"),
        ("\n[corpus.without]\nf16 = ''\n", "[corpus.without] f16: the reason is empty"),
        (&variant("flaot"), "[[corpus.variant]] v: the corpus has no program `flaot`"),
    ] {
        project.write(TARGET, right.clone() + settings);
        for command in [&["smoke", "fake"][..], &["bringup", "fake"], &["target", "check"]] {
            project.run(command, 2).says(&["targets/fake/target.toml", fault]);
        }
        assert!(project.steps().is_empty(), "{:?}", project.steps());
    }
    project.write(TARGET, right + &variant("float"));
    project.run(&["target", "check"], 0);
}
