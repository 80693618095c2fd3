//! The budget of jobs: however much there is to do, no more is at work at once.

use bringup_tests::project;
use rustix::process::Signal;

#[test]
fn no_more_is_at_work_than_there_are_jobs() {
    for jobs in [1, 2] {
        let project = project!();
        let number = jobs.to_string();
        for program in ["coretests", "alloctests", "std", "env"] {
            project.tests(program, "work_a work_b");
        }
        project.note_spans();
        project.run(&["build", "--jobs", &number], 0);
        let (tools, most) = project.spans();
        assert!(tools > 20 && most <= jobs, "{most} of {tools} tools at once with {jobs} jobs");
        project.run(&["test", "fake", "--jobs", &number], 0);
        let (programs, most) = project.spans();
        assert!(most <= jobs, "{most} of {programs} at once with {jobs} jobs");
    }
}

#[test]
fn as_many_are_at_work_as_there_are_jobs() {
    let project = project!();
    let gates = ["fake", "twin"].map(|target| format!("cargo-build-{target}-alpine-linux-musl"));
    for gate in &gates {
        project.hold(gate);
    }
    let run = project.cmd(&["build", "--jobs", "2"]).start();
    // Neither goes on before the other has come.
    for gate in &gates {
        project.wait_held(gate);
    }
    project.release();
    let _ = run.wait().ends_with(0);
}

#[test]
fn ctrl_c_reaches_those_that_wait_for_a_job() {
    let project = project!();
    project.hold("int_util.c");
    let run = project.cmd(&["test", "--jobs", "1"]).start();
    project.wait_held("int_util.c");
    run.wait_for("Running runtimes ");
    run.signal(Signal::INT);
    run.wait().ends_with(130).says(&["error: interrupted"]);
    project.assert_clean();
    project.release();

    // A test that works keeps its job from all others.
    project.tests("coretests", "pass_a spin_b");
    let run = project.cmd(&["test", "--jobs", "1"]).start();
    project.wait_for_process("spin_b");
    run.signal(Signal::INT);
    run.wait().ends_with(130).says(&["error: interrupted"]);
    project.assert_clean();
}
