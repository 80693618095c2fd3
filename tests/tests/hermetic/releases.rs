//! The Rust under test: the release that bringup.toml pins, whichever toolchain is installed.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use bringup_tests::{Archive, FileServer, Project, project, sha256};

const HOST: &str = "x86_64-unknown-linux-gnu";
const COMMIT: &str = "00000000000000000000000000000000000abcde";
const MANIFEST: &str = "/dist/channel-rust-1.97.0.toml";

/// A project that pins Rust 1.97.0 where 1.95.0 is installed, and a server that has it.
pub struct Setup {
    pub project: Project,
    pub server: FileServer,
}

/// A script for `bin/rustc` and `bin/cargo` of a release: the fake host's, but for what it says of itself.
fn program(project: &Project, name: &str, (version, commit): (&str, &str)) -> String {
    let real = project.host("rust/bin").join(name);
    let of_itself = format!("rustc {version}\\ncommit-hash: {commit}\\nhost: {HOST}\\nrelease: {version}\\n");
    format!(
        "#!/bin/sh\ncase \" $* \" in\n*' -vV '*) printf '{of_itself}' ;;\n*' --print=sysroot '*) cd \"${{0%/*}}/..\" && pwd ;;\n\
         *) exec '{}' \"$@\" ;;\nesac\n",
        real.display()
    )
}

fn path_of(name: &str, version: &str) -> String {
    format!("/dist/2026-07-09/{name}-{version}-{HOST}.tar.gz")
}

impl Setup {
    pub fn new() -> Self {
        let setup = Self { project: project!(), server: FileServer::start() };
        setup.pin(&setup.publish("1.97.0", COMMIT));
        setup
    }

    /// Serves the components of a release, and returns its manifest.
    pub fn publish(&self, version: &str, commit: &str) -> String {
        let mut manifest = format!(
            "manifest-version = \"2\"\ndate = \"2026-07-09\"\n[pkg.rust]\nversion = \"{version} (000000000 2026-07-08)\"\n\
             [pkg.rustc]\ngit_commit_hash = \"{commit}\"\n"
        );
        for (name, folder, file) in [
            ("rustc", "rustc", "bin/rustc"),
            ("cargo", "cargo", "bin/cargo"),
            ("rust-std", "rust-std-HOST", "lib/a.rlib"),
            ("clippy-preview", "clippy-preview", "bin/cargo-clippy"),
        ] {
            let top = format!("{name}-{version}-{HOST}/");
            let folder = format!("{top}{}/", folder.replace("HOST", HOST));
            let content = program(&self.project, name, (version, commit));
            let archive = Archive::empty().file(&format!("{top}install.sh"), b"not here");
            let archive = archive.file(&format!("{folder}manifest.in"), b"file:x");
            let archive = archive.program(&format!("{folder}{file}"), content.as_bytes()).bytes();
            let (path, hash) = (path_of(name, version), sha256(&archive));
            let address = format!("url = \"https://static.rust-lang.org{path}\"\nhash = \"{hash}\"\n");
            manifest.extend([format!("[pkg.{name}.target.{HOST}]\n"), address]);
            self.server.serve(&path, archive);
        }
        manifest
    }

    /// Serves this manifest, and pins its hash.
    fn pin(&self, manifest: &str) {
        let hash = sha256(manifest.as_bytes());
        let pins = self.project.read("bringup.toml");
        let (before, after) = pins.split_once("[rust.layers]").unwrap();
        let head = before.split("[[rust]]").next().unwrap();
        let pin = format!("[[rust]]\nversion = \"1.97.0\"\ncommit = \"{COMMIT}\"\nmanifest = \"{hash}\"\n");
        self.project.write("bringup.toml", format!("{head}{pin}\n[rust.layers]{after}"));
        self.server.serve(MANIFEST, manifest);
    }

    pub fn run(&self, args: &[&str], code: i32) -> bringup_tests::Output {
        self.project.cmd(args).env("RUSTUP_DIST_SERVER", self.server.address()).run().ends_with(code)
    }

    fn manifest(&self) -> String {
        let name = fs_err::read_dir(self.project.cache().join("archives")).unwrap();
        let name =
            name.map(|entry| entry.unwrap().path()).find(|path| path.extension().is_some_and(|end| end == "toml"));
        fs_err::read_to_string(name.unwrap()).unwrap()
    }

    /// A toolchain as rustup installs it, with a rustc of this commit.
    fn rustup(&self, name: &str, commit: &str) -> std::path::PathBuf {
        let sysroot = self.project.base().join("home/.rustup/toolchains").join(name);
        let write = |path: &str, text: &str| write(&sysroot.join(path), text);
        for (component, file) in [("rustc", "bin/rustc"), ("cargo", "bin/cargo"), ("rust-std", "lib/a.rlib")] {
            write(&format!("lib/rustlib/manifest-{component}-{HOST}"), &format!("file:{file}\n"));
            write(file, &program(&self.project, component, ("1.97.0", commit)));
        }
        write("lib/rustlib/multirust-channel-manifest.toml", "");
        sysroot
    }
}

fn write(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, text).unwrap();
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_release_that_is_not_installed_is_fetched_once() {
    let setup = Setup::new();
    setup.run(&["build", "fake"], 0);
    // rustfmt is missing, as in some nightlies.
    let parts = ["rustc", "cargo", "rust-std", "clippy-preview"].map(|name| path_of(name, "1.97.0"));
    assert_eq!(setup.server.requests(), [&[MANIFEST.to_owned()][..], &parts].concat());
    let toolchains = setup.project.cache().join("toolchains");
    let fetched: Vec<_> = fs_err::read_dir(&toolchains).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(fetched.len(), 1, "{fetched:?}");
    assert!(fetched[0].join("lib/a.rlib").is_file() && fetched[0].join("bin/cargo-clippy").is_file());
    assert!(!fetched[0].join("install.sh").exists());
    assert!(!fetched[0].join("manifest.in").exists());
    setup.run(&["build", "fake"], 0).says(&["Cached"]);
    fs_err::remove_dir_all(setup.project.path("out")).unwrap();
    setup.run(&["test", "fake", "--offline"], 0);
    assert_eq!(setup.project.report()["pins"]["rust"], "1.97.0");
    assert_eq!(setup.server.requests(), [""; 0]);
    setup.project.assert_clean();
}

#[test]
fn what_rustup_has_installed_is_not_fetched() {
    let setup = Setup::new();
    setup.rustup("other", "00000000000000000000000000000000000abcdf");
    let sysroot = setup.rustup("right", COMMIT);
    setup.run(&["build", "fake"], 0).says(&["not the toolchain", "other: its commit is", "abcdf, not"]);
    assert_eq!(setup.server.requests(), [""; 0]);
    let toolchain = setup.project.steps().into_iter().find(|step| step.starts_with("toolchain/")).unwrap();
    let cargo = setup.project.read(&format!("out/{toolchain}/bin/cargo"));
    assert!(cargo.contains(sysroot.join("bin/cargo").to_str().unwrap()), "{cargo}");
    // A file that was changed later.
    let list = sysroot.join("lib/rustlib/multirust-channel-manifest.toml");
    let hour = std::time::Duration::from_hours(1);
    let before = fs_err::metadata(&list).unwrap().modified().unwrap() - hour;
    std::fs::File::options().write(true).open(&list).unwrap().set_modified(before).unwrap();
    setup.run(&["build", "fake"], 0).says(&["bin/rustc is missing, or newer than the installation"]);
    assert_eq!(setup.server.requests().len(), 5);
}

#[test]
fn what_the_server_lacks_or_gives_wrong_is_told_before_work() {
    let setup = Setup::new();
    setup.run(&["build", "fake"], 0);
    let manifest = setup.manifest();
    let fresh = |texts: &[&str]| {
        fs_err::remove_dir_all(setup.project.cache()).unwrap();
        setup.run(&["build", "fake"], 101).says(texts);
        assert!(!setup.project.cache().join("toolchains").exists());
    };
    setup.server.serve(MANIFEST, "other");
    fresh(&["fetching the channel manifest of Rust 1.97.0: wrong sha256: it is"]);
    setup.server.remove(MANIFEST);
    fresh(&["fetching the channel manifest of Rust 1.97.0: the server answers with status 404", "hint: "]);
    setup.pin(&manifest.replace(&format!("pkg.cargo.target.{HOST}"), "pkg.cargo.target.other"));
    fresh(&["lists no archive of cargo for x86_64-unknown-linux-gnu"]);
    setup.pin(&manifest);
    setup.server.serve(&path_of("rust-std", "1.97.0"), "other");
    fresh(&["fetching rust-std of Rust 1.97.0: wrong sha256"]);
    setup.project.edit("bringup.toml", "commit = \"0", "commit = \"g");
    setup.run(&["build", "fake"], 2).says(&["is not a commit"]);
}

#[test]
fn an_interrupted_download_goes_on() {
    let setup = Setup::new();
    setup.server.break_after(&path_of("rustc", "1.97.0"), 50);
    setup.run(&["build", "fake"], 101).says(&["fetching rustc of Rust 1.97.0: after 0.0 of 0.0 MB"]);
    setup.server.requests();
    setup.run(&["build", "fake"], 0).says(&["goes on after"]);
    assert_eq!(setup.server.requests()[0], format!("{} bytes=50-", path_of("rustc", "1.97.0")));
}
