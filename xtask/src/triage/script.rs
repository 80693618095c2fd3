//! A run as a script for a reader who has neither this machine nor its folders.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use bringup_model::build_options::BuildOptions;
use bringup_model::link::Link;
use bringup_model::target::Target;
use bringup_model::triage::Setting;
use bringup_model::version::Version;
use bringup_runner::exec::quote;
use bringup_runner::runner::Runner;

use super::prepare::{PreparedTest, Triaged};
use crate::build::Planner;
use crate::host::emulator;
use crate::project::shown;
use crate::prove::{DEFAULT_OPT_LEVEL, ProofProgram};
use crate::render::command_line;

/// Folder of the test programs in `out`.
const TESTS: &str = "test_programs";

/// The run of `prepared` as a shell script without Bringup, in the project's folder: preparations, one a line, then the
/// command. Runs that share a preparation have the same line for it.
pub fn reproduction(planner: &Planner<'_>, triaged: &Triaged, prepared: &PreparedTest) -> String {
    let mut script = Script { root: &planner.project.root, lines: Vec::new(), places: Vec::new() };
    let mut words = Vec::new();
    if let Runner::Qemu { path, version, env, .. } = &prepared.runner {
        let file = path.file_name().unwrap_or_default();
        let said = emulator::described(path).unwrap_or_else(|_| version.to_string());
        script.set(&emulator_variable(path, version), path, &format!("$(command -v {})", quote(file)), &said);
        words.extend(env.iter().map(|(key, value)| format!("{key}={}", quote(value.as_ref()))));
    }
    script.toolchain(planner, prepared);
    match triaged {
        Triaged::Test { .. } => script.tests(&planner.workspace.out, prepared),
        Triaged::Smoke { .. } => script.smoke(prepared),
        Triaged::Proof { file, proof, .. } => {
            let toolchain = &prepared.toolchain;
            let Setting { link, opt_level, .. } = &prepared.setting;
            let opt_level = opt_level.as_deref().unwrap_or(DEFAULT_OPT_LEVEL);
            let program = ProofProgram { file, proof, link: *link, opt_level };
            script.compilation(program.compiler(&prepared.target, toolchain), prepared);
        }
    }
    if !prepared.subject.lib_dirs.is_empty() && prepared.setting.link == Link::Dynamic {
        let folders: Vec<String> = prepared.subject.lib_dirs.iter().map(|dir| script.word(dir.as_ref())).collect();
        words.push(format!("LD_LIBRARY_PATH={}", folders.join(":")));
    }
    let start = prepared.runner.words(&prepared.subject.program, &[]).unwrap_or_default();
    words.extend(start.iter().map(|word| script.word(word)));
    words.extend(prepared.subject.plain_args().iter().map(|arg| quote(arg.as_ref())));
    script.lines.push(words.join(" "));
    script.lines.join("\n")
}

/// The options of a command that builds the same. The versions are always included, because the defaults may change.
pub fn choices(planner: &Planner<'_>) -> String {
    choices_without(planner, &[])
}

/// The options of a command that builds the same without these patches.
fn choices_without(planner: &Planner<'_>, without: &[String]) -> String {
    let left_out = planner.options.recorded.left_out.iter().chain(without).cloned().collect();
    let [rust, musl] =
        [&planner.project.pins.rust, &planner.project.pins.musl].map(|source| Some(source.version.clone()));
    command_line(&BuildOptions { rust, musl, left_out, ..planner.options.recorded.clone() }.arguments())
}

/// The variable for an emulator: `QEMU_S390X_11_1_3`.
pub fn emulator_variable(path: &Path, version: &Version) -> String {
    variable(&[&path.file_name().unwrap_or_default().to_string_lossy(), &version.to_string()])
}

fn variable(parts: &[&str]) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    parts.join("_").chars().map(plain).collect()
}

struct Script<'a> {
    root: &'a Path,
    lines: Vec<String>,
    /// Files and folders, with the text that replaces each.
    places: Vec<(PathBuf, String)>,
}

impl Script<'_> {
    /// Sets a variable that replaces a path.
    fn set(&mut self, name: &str, place: &Path, value: &str, comment: &str) {
        self.lines.push(format!("{name}={value}  # {comment}"));
        self.places.push((place.to_owned(), format!("${name}")));
    }

    /// Sets the variables for the target's toolchain, and for the sysroot if that is another one's.
    fn toolchain(&mut self, planner: &Planner<'_>, prepared: &PreparedTest) {
        const COMMENT: &str = "builds the toolchain and prints its folder";
        let Target { name, .. } = &prepared.target;
        let Setting { opt_level, without, .. } = &prepared.setting;
        let sysroot = prepared.sysroot.parent().unwrap_or(&prepared.sysroot);
        if let Some(level) = opt_level {
            let comment = format!("as {name}'s, with std at opt-level {level}: triage builds it");
            let value = quote(shown(self.root, &prepared.toolchain).as_ref());
            return self.set(&variable(&[name, "at", level]), &prepared.toolchain, &value, &comment);
        }
        let built = |without: &[String]| format!("$(cargo xtask build {name} {})", choices_without(planner, without));
        let usual = without.is_empty() || sysroot != prepared.toolchain;
        if usual {
            self.set(&variable(&[name]), &prepared.toolchain, &built(&[]), COMMENT);
        }
        if let Some(first) = without.first() {
            let number: String = first.chars().filter(char::is_ascii_digit).collect();
            let source = first.split('/').next().unwrap_or_default();
            let name = variable(&[name, "without", source, number.trim_start_matches('0')]);
            self.set(&name, sysroot, &built(without), COMMENT);
        }
    }

    /// Sets the variable for the folder of the run's test programs.
    fn tests(&mut self, out: &Path, prepared: &PreparedTest) {
        let all = out.join(TESTS);
        let own = prepared.subject.program.strip_prefix(&all).ok().and_then(|rest| rest.components().next());
        let Some(own) = own else { return };
        let folder = all.join(own);
        let name = &prepared.target.name;
        let comment = format!(
            "with the same options `cargo xtask test {name}` builds it, and `cargo xtask plan {name}` names it"
        );
        let start = self.places.iter().find(|(place, _)| *place == prepared.toolchain);
        let start = start.map_or_else(|| variable(&[name]), |(_, start)| start.trim_start_matches('$').to_owned());
        self.set(&format!("{start}_TESTS"), &folder, &quote(shown(self.root, &folder).as_ref()), &comment);
    }

    /// Sets the variable for the program of a smoke check.
    fn smoke(&mut self, prepared: &PreparedTest) {
        let Setting { target, link, .. } = &prepared.setting;
        let program = &prepared.subject.program;
        let comment = format!("the triage below builds it, as `cargo xtask smoke {target} --link {link}` does");
        self.set("PROGRAM", program, &quote(shown(self.root, program).as_ref()), &comment);
    }

    /// Adds the command that compiles the program.
    fn compilation(&mut self, compiler: Option<bringup_runner::exec::Cmd>, prepared: &PreparedTest) {
        let program = &prepared.subject.program;
        let mut file = program.file_name().unwrap_or_default().to_os_string();
        if let Some(level) = &prepared.setting.opt_level {
            file.push(format!("-{level}"));
        }
        let file = quote(&file);
        if let Some(compiler) = compiler {
            let words: Vec<String> = compiler.words().map(|word| self.word(word)).collect();
            self.lines.push(format!("{} -o {file}", words.join(" ")));
        }
        self.places.push((program.clone(), format!("./{file}")));
    }

    /// A word of the command. A variable replaces the path at its start.
    fn word(&self, word: &OsStr) -> String {
        let path = Path::new(word);
        let stands = self.places.iter().find_map(|(place, name)| Some((path.strip_prefix(place).ok()?, name)));
        match stands {
            Some((rest, name)) if rest.as_os_str().is_empty() && name.starts_with('$') => format!("\"{name}\""),
            Some((rest, name)) if rest.as_os_str().is_empty() => name.clone(),
            Some((rest, name)) => format!("\"{name}/{}\"", rest.display()),
            None => quote(shown(self.root, path).as_ref()),
        }
    }
}

/// Removes the paths of this machine from a text: replaces each of these folders by its other name.
pub fn portable(text: &str, folders: &[(&Path, &str)]) -> String {
    let mut text = text.to_owned();
    for (folder, name) in folders {
        let folder = folder.to_string_lossy();
        // Replacing `/` would replace everything.
        if folder.len() > 1 {
            text = renamed(&text, &folder, name);
        }
    }
    text
}

fn renamed(text: &str, folder: &str, name: &str) -> String {
    let of_a_path = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    let mut new = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(folder) {
        let (before, after) = (&rest[..at], &rest[at + folder.len()..]);
        let begins = !before.chars().next_back().or_else(|| new.chars().next_back()).is_some_and(of_a_path);
        new.push_str(before);
        rest = match after.strip_prefix('/') {
            Some(within) if begins => {
                new.push_str(if name == "." { "" } else { name });
                if name == "." { within } else { after }
            }
            None if begins && !after.starts_with(of_a_path) => {
                new.push_str(name);
                after
            }
            _ => {
                new.push_str(folder);
                after
            }
        };
    }
    new + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_this_machine_are_left_out() {
        let folders = [(Path::new("/home/me/bringup"), "."), (Path::new("/home/me"), "~"), (Path::new("/"), "?")];
        let cases = [
            ("at /home/me/bringup/proofs/a.rs:3", "at proofs/a.rs:3"),
            ("cd /home/me/bringup; ls '/home/me/.cache/x'", "cd .; ls '~/.cache/x'"),
            ("/home/me/bringup2 /home/me2 /x/home/me/a", "~/bringup2 /home/me2 /x/home/me/a"),
            ("/home/me:/home/me/bringup/a:/home/me/bringup", "~:a:."),
        ];
        for (text, expected) in cases {
            assert_eq!(portable(text, &folders), expected);
        }
    }

    #[test]
    fn variables_are_names_for_the_shell() {
        let version = "7.2.22".parse().unwrap();
        assert_eq!(emulator_variable(Path::new("/a/qemu-s390x-static"), &version), "QEMU_S390X_STATIC_7_2_22");
        assert_eq!(variable(&["x86_64", "at", "0"]), "X86_64_AT_0");
    }

    #[test]
    fn what_has_a_variable_is_written_with_it() {
        let mut script = Script { root: Path::new("/p"), lines: Vec::new(), places: Vec::new() };
        script.set("QEMU", Path::new("/c/qemu-x"), "$(command -v qemu-x)", "version 1");
        script.set("T", Path::new("/p/out/t"), "out/t", "the toolchain");
        script.places.push((PathBuf::from("/p/out/made"), "./made".into()));
        assert_eq!(script.lines, ["QEMU=$(command -v qemu-x)  # version 1", "T=out/t  # the toolchain"]);
        let words =
            ["/c/qemu-x", "-L", "/p/out/t/sys root", "/p/out/made", "/p/a b"].map(|word| script.word(word.as_ref()));
        assert_eq!(words, ["\"$QEMU\"", "-L", "\"$T/sys root\"", "./made", "'a b'"]);
    }
}
