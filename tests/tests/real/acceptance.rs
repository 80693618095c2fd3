//! What a compiler built from the patched source is for: as it is, on its stable channel, without a wrapper, an unstable option or
//! `RUSTC_BOOTSTRAP`, it compiles for a target that is nothing but a file in its sysroot, and for musl as other targets are
//! compiled for.
//!
//! `cargo test -p bringup-tests --features end-to-end --test real acceptance::` builds the compiler if it is not there, which takes a
//! quarter of an hour and more.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bringup_runner::exec::Cmd;
use xtask::project::config;
use xtask::smoke::elf::{ElfKind, Rules, audit};

use crate::driver::{bringup, bringup_in, emulator, printed, project, succeeds};

const BUILT_IN: &str = "x86_64-unknown-linux-musl";
/// Its linker, which rustc finds in its own folder.
const LINKER: &str = "x86_64-unknown-linux-musl-clang";

/// A target's toolchain with the compiler that is built, and a folder to compile in.
struct Bench {
    toolchain: PathBuf,
    triple: String,
    emulator: PathBuf,
    /// Like `root`'s targets/<name>.
    like: &'static str,
    work: tempfile::TempDir,
}

impl Bench {
    /// Builds what is called `name` in the project `root`.
    fn new(root: &Path, name: &str, like: &'static str) -> Self {
        let toolchain = printed(&bringup_in(root, &["build", "--compiler", "bootstrap", name]));
        let triple = config::targets(root, &[name.to_owned()]).unwrap()[0].triple.clone();
        let work = tempfile::tempdir().unwrap();
        Self { toolchain: toolchain.trim().into(), triple, emulator: emulator(like), like, work }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    /// The compiler itself. Its environment is the one written here: PATH, and words for the language and the time zone.
    fn rustc(&self, args: &[&str]) -> Cmd {
        Cmd::new(self.toolchain.join("bin/rustc")).args(["--edition", "2024"]).args(args).dir(self.work.path())
    }

    /// Compiles a file of this name for the target.
    fn compile(&self, name: &str, text: &str, args: &[&str]) {
        fs_err::write(self.path(name), text).unwrap();
        // The spec that is built in names none.
        let linker = format!("-Clinker={LINKER}");
        let linker = if self.triple == BUILT_IN { &[linker.as_str()][..] } else { &[] };
        let cmd = self.rustc(&["--target", &self.triple]).args(linker).args(args).arg(name);
        succeeds(&cmd);
    }

    /// What a program prints.
    fn run(&self, name: &str) -> String {
        let cmd = Cmd::new(&self.emulator).arg("-L").arg(self.toolchain.join("sysroot"));
        let libraries = format!("LD_LIBRARY_PATH={}", self.work.path().display());
        printed(&cmd.args(["-E", &libraries]).arg(self.path(name)).timeout(Duration::from_mins(1)))
    }

    /// Holds a file against what its kind must look like: [`audit`] wants `ET_DYN`, and of a program `DF_1_PIE`.
    fn is(&self, name: &str, kind: ElfKind, interpreter: bool, needed: &[&str]) {
        let target = &config::targets(&project(), &[self.like.to_owned()]).unwrap()[0];
        let interpreter = interpreter.then_some(target.musl.loader.as_str());
        let needed = needed.iter().map(|&name| name.to_owned()).collect();
        let rules = Rules { elf: &target.elf, kind, interpreter, needed, forbidden: &[] };
        assert_eq!(audit(&fs_err::read(self.path(name)).unwrap(), &rules), Vec::<String>::new(), "{name}");
    }

    /// A program, a static program, a proc macro and a cdylib.
    fn all(&self) {
        const HELLO: &str = "fn main() { println!(\"{:?}\", std::panic::catch_unwind(|| panic!()).is_err()) }";
        self.compile("hello.rs", HELLO, &["-o", "dynamic"]);
        self.is("dynamic", ElfKind::Program, true, &["libc.so"]);
        assert_eq!(self.run("dynamic"), "true\n");
        self.compile("hello.rs", HELLO, &["-Ctarget-feature=+crt-static", "-o", "static"]);
        self.is("static", ElfKind::Program, false, &[]);
        assert_eq!(self.run("static"), "true\n");

        let answer = "use proc_macro::TokenStream;\n#[proc_macro]\npub fn answer(_: TokenStream) -> TokenStream { \"42\".parse().unwrap() }";
        fs_err::write(self.path("answer.rs"), answer).unwrap();
        succeeds(&self.rustc(&["--crate-type", "proc-macro", "--extern", "proc_macro", "answer.rs"]));
        let plugin = "#[unsafe(no_mangle)]\npub extern \"C\" fn twice(x: u32) -> u32 { std::hint::black_box(vec![x, x]).iter().sum() }";
        self.compile("plugin.rs", plugin, &["--crate-type", "cdylib"]);
        self.is("libplugin.so", ElfKind::Library, false, &["libc.so"]);
        let user = "#[link(name = \"plugin\")]\nunsafe extern \"C\" { safe fn twice(x: u32) -> u32; }\nfn main() { println!(\"{}\", twice(answer::answer!())) }";
        self.compile("user.rs", user, &["--extern", "answer=libanswer.so", "-L", "."]);
        self.is("user", ElfKind::Program, true, &["libc.so", "libplugin.so"]);
        assert_eq!(self.run("user"), "84\n");
    }
}

#[test]
fn a_target_that_is_only_a_file_in_the_sysroot() {
    let bench = Bench::new(&project(), "s390x", "s390x");
    assert!(bench.toolchain.join("lib/rustlib").join(&bench.triple).join("target.json").is_file());
    let listed = printed(&bench.rustc(&["--print", "target-list"]));
    assert!(listed.contains(BUILT_IN) && !listed.contains(&bench.triple), "{listed}");
    // It is no nightly in disguise.
    let refused = bench.rustc(&["-Zunstable-options", "--print", "target-list"]).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("only accepted on the nightly compiler"), "{refused:?}");
    bench.all();
}

#[test]
fn a_target_that_is_built_in() {
    // A project that differs in the triple of one target; its compiler is ours.
    succeeds(&bringup(&["build", "--compiler", "bootstrap", "x86_64"]));
    let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let root = root.path();
    for name in ["patches", "qemu", "sources"] {
        std::os::unix::fs::symlink(project().join(name), root.join(name)).unwrap();
    }
    let pins = fs_err::read_to_string(project().join("bringup.toml")).unwrap();
    let linker = format!("[std.env]\nCARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER = \"{LINKER}\"\n");
    assert!(!pins.contains("[std.env]\n"));
    fs_err::write(root.join("bringup.toml"), format!("{pins}\n{linker}")).unwrap();
    fs_err::create_dir_all(root.join("targets/built-in")).unwrap();
    let text = fs_err::read_to_string(project().join("targets/x86_64/target.toml")).unwrap();
    let text = text.replace("x86_64-alpine-linux-musl", BUILT_IN);
    fs_err::write(root.join("targets/built-in/target.toml"), text).unwrap();
    fs_err::create_dir_all(root.join("out")).unwrap();
    for step in ["compiler", "patch"] {
        succeeds(&Cmd::new("cp").arg("-al").arg(project().join("out").join(step)).arg(root.join("out")));
    }
    Bench::new(root, "built-in", "x86_64").all();
}
