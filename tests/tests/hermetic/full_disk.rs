//! A disk that is full, at whatever moment: it is said, nothing half-made stays, and with more room it goes on.

#![expect(clippy::print_stdout, reason = "a test that cannot run says so")]

use bringup_tests::project;

/// Runs the words after the size in an out/ that is a small file system of its own, then with more room. Prints both
/// exit codes, and whatever the first run left half-made.
const SMALL: &str = r#"
    /bin/mount -t tmpfs -o "size=$1" none out || exit 77
    shift
    "$@"
    first=$?
    for left in out/tmp/*; do [ -e "$left" ] && echo "left: $left"; done
    for step in out/*/*-*; do [ ! -d "$step" ] || [ -e "$step/inputs.json" ] || echo "half: $step"; done
    /bin/mount -o remount,size=64m none out
    "$@"
    echo "$first, then $?"
"#;

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let project = project!();
    fs_err::create_dir(project.path("out")).unwrap();
    // One page, and on until everything fits.
    for pages in (1..).step_by(5) {
        let size = format!("{}k", 4 * pages);
        let words = ["/usr/bin/unshare", "-Urm", "/bin/sh", "-c", SMALL, "sh", &size];
        let output = project.wrapped(&words, &["test", "fake"]).run();
        if output.stderr.starts_with("unshare: ") {
            println!("not tested, for want of a file system of its own: {}", output.stderr);
            return;
        }
        let output = output.ends_with(0);
        if output.stdout == "0, then 0\n" {
            assert!(pages > 50, "the first ones were too small");
            break;
        }
        assert_eq!(output.stdout, "101, then 0\n", "out/ of {size}: {}", output.stderr);
        // Errors of steps are wrapped to the terminal's width.
        let said = output.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("the disk is full") && said.contains("hint: "), "out/ of {size}: {}", output.stderr);
    }
    project.assert_clean();
}
