//! Rust by the name of a channel, and the Rust that is taken where the default cannot be had.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use bringup_tests::{Archive, patch, sha256};

use crate::releases::Setup;

const STD: &str = "library/std/src/lib.rs";
const NIGHTLY: &str = "/dist/channel-rust-nightly.toml";
const COMMIT: &str = "00000000000000000000000000000000000fffff";

impl Setup {
    /// A nightly whose std has other lines than the pinned one's. The pinned version has a patch to std.
    fn nightly(pinned: &str, nightly: &str) -> Self {
        let setup = Self::new();
        let origin = "[[rust.origin]]\npath";
        let component = format!("[[rust.origin]]\nrustup = \"rust-src\"\nlayers = [\"library\"]\n\n{origin}");
        setup.project.edit("bringup.toml", origin, &component);
        setup.project.write("patches/rust/1.97.0/series", "0001-std.patch\n");
        setup.project.write("patches/rust/1.97.0/0001-std.patch", patch(STD, "//! std", "//! std, patched"));
        // git's ids of the files, which a merge requires.
        setup.run(&["patch", "apply", "rust"], 0);
        setup.run(&["patch", "refresh", "rust"], 0);
        fs_err::remove_dir_all(setup.project.path("out")).unwrap();
        setup.project.copy_source("rust", "nightly");
        let text = setup.project.read(&format!("nightly/{STD}"));
        setup.project.write(&format!("nightly/{STD}"), text.replace(pinned, nightly));
        let archive = Archive::of_folder(&setup.project.path("nightly"), "top").bytes();
        let hash = sha256(&archive);
        setup.server.serve("/dist/2026-07-09/rust-src-nightly.tar.gz", archive);
        let address = "https://static.rust-lang.org/dist/2026-07-09/rust-src-nightly.tar.gz";
        let source = format!("[pkg.rust-src.target.\"*\"]\nurl = \"{address}\"\nhash = \"{hash}\"\n");
        let manifest = setup.publish("1.98.0-nightly", COMMIT) + &source;
        setup.channel(NIGHTLY, &manifest);
        setup
    }

    /// Serves a manifest with its hash beside it.
    fn channel(&self, path: &str, manifest: &str) {
        self.server.serve(path, manifest);
        self.server.serve(&format!("{path}.sha256"), format!("{}  {path}\n", sha256(manifest.as_bytes())));
    }
}

#[test]
fn a_channel_is_resolved_once_and_repeated_by_its_day() {
    let setup = Setup::nightly("//! std", "//! std");
    setup
        .run(&["test", "fake", "--rust", "nightly"], 0)
        .says(&["rust nightly: nightly-2026-07-09, which is 1.98.0-nightly (000000000)"]);
    let report = setup.project.report();
    assert_eq!(report["pins"]["rust"], "nightly-2026-07-09");
    assert_eq!(report["pins"]["rust_toolchain"]["release"], "1.98.0-nightly");
    assert_eq!(report["pins"]["rust_toolchain"]["commit"], COMMIT);
    assert_eq!(report["build"]["rust"], "nightly-2026-07-09");
    assert_eq!(report["build"]["left_out"], serde_json::json!([]));
    // The same again asks nobody, by its day or without the network.
    setup.server.requests();
    setup.run(&["test", "fake", "--rust", "nightly-2026-07-09"], 0).says(&["Cached"]);
    setup
        .run(&["test", "fake", "--rust", "nightly", "--offline"], 0)
        .says(&["nightly-2026-07-09, as the server has last said"]);
    assert_eq!(setup.server.requests(), [""; 0]);
    setup.project.assert_clean();
    // An archive is of that day.
    let archive = setup.run(&["archive", "fake", "--rust", "nightly-2026-07-09"], 0).stdout;
    setup.run(&["test", "--archive", archive.trim()], 0);
    assert_eq!(setup.project.report()["pins"]["rust"], "nightly-2026-07-09");
}

#[test]
fn a_channel_that_is_a_pinned_release_is_that_release() {
    let setup = Setup::new();
    let manifest = setup.publish("1.97.0", "00000000000000000000000000000000000abcde");
    setup.channel("/dist/channel-rust-stable.toml", &manifest);
    setup.run(&["test", "fake", "--rust", "stable"], 0).says(&["rust stable: stable-2026-07-09, which is 1.97.0"]);
    assert_eq!(setup.project.report()["pins"]["rust"], "1.97.0");
}

#[test]
fn the_newest_series_is_carried_to_a_channel() {
    let std = |setup: &Setup| {
        let step = setup.project.steps().into_iter().find(|step| step.starts_with("patch/rust-")).unwrap();
        setup.project.read(&format!("out/{step}/{STD}"))
    };
    // Another file, to which the patch applies.
    let setup = Setup::nightly("env {}", "env {}\n\npub mod new {}");
    setup.run(&["build", "fake", "--rust", "nightly"], 0);
    assert!(std(&setup).contains("//! std, patched") && std(&setup).contains("mod new"), "{}", std(&setup));
    setup.project.assert_clean();

    let setup = Setup::nightly("//! std", "//! std, patched");
    setup
        .run(&["build", "fake", "--rust", "nightly"], 0)
        .says(&["without 0001-change-library-std-src-lib.rs.patch: upstream has it"]);
    assert!(std(&setup).contains("//! std, patched"));

    let setup = Setup::nightly("//! std", "//! another std");
    setup.run(&["build", "fake", "--rust", "nightly"], 101).says(&[
        "patches for Rust 1.97.0 conflict with nightly-2026-07-09",
        "0001-change-library-std-src-lib.rs.patch: library/std/src/lib.rs:1",
        "hint: --skip-conflicts leaves them out",
    ]);
    assert!(setup.project.steps().is_empty(), "{:?}", setup.project.steps());
    setup
        .run(&["test", "fake", "--rust", "nightly", "--skip-conflicts"], 0)
        .says(&["without 0001-change-library-std-src-lib.rs.patch: it conflicts at"]);
    assert!(!std(&setup).contains("patched"));
    assert_eq!(
        setup.project.report()["build"]["left_out"],
        serde_json::json!(["rust/0001-change-library-std-src-lib.rs.patch"])
    );
    // As the report says it.
    let again =
        ["test", "fake", "--rust", "nightly-2026-07-09", "--without", "rust/0001-change-library-std-src-lib.rs.patch"];
    setup.run(&again, 0).says(&["Cached"]);
}

#[test]
fn a_channel_that_cannot_be_had_is_told_with_what_can() {
    let setup = Setup::nightly("//! std", "//! std");
    setup.run(&["plan", "fake", "--rust", "nightly-2026-07-10"], 101).says(&[
        "finding out what Rust nightly-2026-07-10 is: the server answers with status 404",
        "hint: the newest is nightly-2026-07-09; not every day has a release",
    ]);
    setup.run(&["plan", "fake", "--rust", "nightly-2026-02-32"], 2).says(&["is not a day of nightly"]);
    setup
        .run(&["plan", "fake", "--rust", "beta"], 101)
        .says(&["finding out what Rust beta is", "hint: name a version"]);
    setup
        .run(&["plan", "fake", "--rust", "beta", "--offline"], 101)
        .says(&["the network is forbidden", "fetch --rust beta"]);
    setup.run(&["plan", "fake", "--rust", "nigthly"], 2).says(&["rust nigthly is not pinned", "1.97.0", "nightly"]);
    // The manifest is not the one whose hash is beside it.
    fs_err::remove_dir_all(setup.project.cache()).unwrap();
    setup.server.serve(NIGHTLY, "other");
    setup.run(&["plan", "fake", "--rust", "nightly"], 101).says(&["wrong sha256"]);
    setup.server.remove(NIGHTLY);
    let gone = setup.run(&["plan", "fake", "--rust", "nightly"], 101);
    gone.says(&["finding out what Rust nightly is", "status 404"]);
}

#[test]
fn a_default_that_cannot_be_had_is_replaced_and_that_is_said() {
    let setup = Setup::new();
    let archive = bringup_tests::Project::archive("rust").file("top/library/one", b"1").bytes();
    setup.project.pin_more("rust", "1.95.0", &archive);
    let pin = "version = \"1.95.0\"\n";
    setup.project.edit("bringup.toml", pin, &format!("{pin}layers.library = [\"library\"]\n"));
    setup.server.remove("/dist/channel-rust-1.97.0.toml");
    let warning = "warning: Rust 1.97.0, the default, cannot be had: this is Rust 1.95.0";
    let output = setup.run(&["test", "fake"], 0);
    let lines: Vec<&str> = output.stderr.lines().collect();
    assert_eq!(output.stderr.matches(warning).count(), 2, "{}", output.stderr);
    assert!(lines.last().unwrap().starts_with(warning), "{}", output.stderr);
    output.says(&["Rust 1.95.0 instead of 1.97.0, which could not be had"]);
    let report = setup.project.report();
    assert_eq!((&report["build"]["rust"], &report["build"]["instead_of"]), (&"1.95.0".into(), &"1.97.0".into()));
    setup.run(&["build", "fake", "--offline"], 0).says(&[warning]);
    // What the user names is not replaced, and wrong bytes are no reason to.
    setup.run(&["build", "fake", "--rust", "1.97.0"], 101).says(&["fetching the channel manifest of Rust 1.97.0"]);
    setup.server.serve("/dist/channel-rust-1.97.0.toml", "other");
    setup.run(&["build", "fake"], 101).says(&["wrong sha256"]);
    // A verb that requires no Rust asks nobody.
    setup.server.requests();
    setup.run(&["report"], 0);
    assert_eq!(setup.server.requests(), [""; 0]);
}
