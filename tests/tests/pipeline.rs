//! From nothing to a report, with fake tools: what is built, what is not built again, and how runs end.

use bringup_tests::project;

#[test]
fn from_nothing_to_a_report() {
    let project = project!();
    let output = project.run(&["test", "fake"], 0);
    println!("{}", output.stderr);
    println!("{:#?}", project.results());
    println!("{:#}", project.report());
    project.assert_clean();
    let output = project.run(&["patch", "status"], 0);
    println!("{}", output.stdout);
}
