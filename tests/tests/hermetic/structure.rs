//! The structure of the workspace: who may import whom, how long files are, and that no file of the tests is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use bringup_tests::source::{Crate, files, workspace};

/// The crates whose layers are checked.
const CRATES: [&str; 3] = ["crates/model/src", "crates/runner/src", "xtask/src"];

/// The rooms of `xtask/src`. A room imports only from those before it; the crate's root imports from all.
const ROOMS: [&str; 15] = [
    "error", "project", "source", "host", "render", "console", "cli", "build", "smoke", "claims", "trial", "prove",
    "triage", "dist", "command",
];

/// Imports from a later room that are still there. Remove an entry with the import.
const UPWARD: &[(&str, &str)] = &[];

/// Circles of modules that are still there. Remove an entry with the circle.
const CIRCLES: &[(&str, &str)] = &[];

/// Names of several types, and where they are.
const TWINS: &[(&str, &str)] = &[];

/// Folders that hold Rust code of the workspace.
const FOLDERS: [&str; 4] = ["crates", "xtask", "tests", "smoke"];

/// Fails unless what is found is exactly what is known.
fn exactly<A: AsRef<str>, B: AsRef<str>>(what: &str, found: impl IntoIterator<Item = (A, B)>, known: &[(&str, &str)]) {
    let found: BTreeSet<_> = found.into_iter().map(|(a, b)| (a.as_ref().to_owned(), b.as_ref().to_owned())).collect();
    let known: BTreeSet<_> = known.iter().map(|&(a, b)| (a.to_owned(), b.to_owned())).collect();
    let list = |pairs: Vec<&(String, String)>| {
        pairs.iter().map(|pair| format!("    {pair:?},")).collect::<Vec<_>>().join("\n")
    };
    let new = list(found.difference(&known).collect());
    let gone = list(known.difference(&found).collect());
    assert!(new.is_empty() && gone.is_empty(), "{what}\nnew:\n{new}\nin the list, but gone:\n{gone}");
}

/// The parts of the modules' tree that import each other in a circle: each part with everything below it. A module
/// and those below it are one part, whatever they import from each other.
fn circles(imports: &[(String, String)]) -> Vec<(String, String)> {
    let mut levels: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (from, to) in imports {
        let (from, to): (Vec<&str>, Vec<&str>) = (from.split("::").collect(), to.split("::").collect());
        let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        if let (Some(own), Some(other)) = (from.get(common), to.get(common))
            && !own.is_empty()
            && !other.is_empty()
        {
            let level = levels.entry(from[..common].join("::")).or_default();
            level.entry((*own).to_owned()).or_default().insert((*other).to_owned());
        }
    }
    let mut found = BTreeSet::new();
    for (level, parts) in levels {
        for part in parts.keys() {
            let returns = |other: &&str| reachable(&parts, other).contains(part.as_str());
            let circle: Vec<_> = reachable(&parts, part).into_iter().filter(returns).collect();
            if !circle.is_empty() {
                found.insert((level.clone(), circle.join(", ")));
            }
        }
    }
    found.into_iter().collect()
}

/// What a part imports, by itself and through others.
fn reachable<'a>(parts: &'a BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = parts.get(from).into_iter().flatten().map(String::as_str).collect();
    while let Some(part) = next.pop() {
        if reached.insert(part) {
            next.extend(parts.get(part).into_iter().flatten().map(String::as_str));
        }
    }
    reached
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let mut found = Vec::new();
    for name in CRATES {
        let circles = circles(&Crate::read(name).imports());
        // Between the rooms of xtask, every circle has an import from a later room.
        let circles = circles.into_iter().filter(|(level, _)| name != "xtask/src" || !level.is_empty());
        found.extend(circles.map(|(level, parts)| (format!("{name} {level}").trim().to_owned(), parts)));
    }
    exactly("circles of modules: CIRCLES", found, CIRCLES);
}

#[test]
fn no_room_imports_from_a_later_one() {
    let imports = Crate::read("xtask/src").imports();
    let place = |module: &str| {
        let room = module.split("::").next().unwrap();
        ROOMS.iter().position(|known| *known == room).unwrap_or_else(|| panic!("`{room}` has no place in ROOMS"))
    };
    let upward = imports.iter().filter(|(from, to)| !from.is_empty() && (to.is_empty() || place(from) < place(to)));
    exactly("imports from a later room: UPWARD", upward.map(|(from, to)| (from, to)), UPWARD);
    let rooms: BTreeSet<_> = imports.iter().map(|(from, _)| from.split("::").next().unwrap()).collect();
    for room in ROOMS {
        let imported = imports.iter().any(|(_, to)| to.split("::").next() == Some(room));
        assert!(rooms.contains(room) || imported, "ROOMS has `{room}`, which is gone");
    }
}

/// The tests above see an import in whatever form it is written, and nothing in tests, comments and strings.
#[test]
fn imports_are_found_however_they_are_written() {
    let texts = [
        ("", "mod a; mod b; mod c; mod d;"),
        ("a", "use crate::{b::{self, Thing as Other}, c};\nfn x() { d::y() }"),
        ("b", "fn x() -> u8 { format!(\"crate::a\", super::c::below::z()); /* crate::a */ 1 }"),
        ("c", "mod below;\nfn x() { below::z(); super::b::y::<u8>() }"),
        (
            "c::below",
            "#[cfg(test)]\nmod tests { use crate::d::y; }\nuse self::super::Up;\npub fn z() { std::fs::read(p) }",
        ),
        ("d", "#[doc = \"crate::a\"]\nfn y() { use std::{fs as files, time::{Instant, Duration}}; }"),
    ];
    let sources = Crate::of(&texts);
    let pairs = [("a", "b"), ("a", "c"), ("b", "c::below"), ("c", "b"), ("c", "c::below")];
    exactly("imports", sources.imports(), &pairs);
    assert_eq!(circles(&sources.imports()), [(String::new(), "b, c".to_owned())]);
    let io = sources.uses(&["std::fs", "std::time::Instant"]);
    exactly("io", io, &[("c::below", "std::fs::read"), ("d", "std::fs"), ("d", "std::time::Instant")]);
}

#[test]
fn the_model_does_no_io() {
    const IO: [&str; 9] = [
        "fs_err",
        "std::env",
        "std::fs",
        "std::net",
        "std::os",
        "std::process",
        "std::thread",
        "std::time::Instant",
        "std::time::SystemTime",
    ];
    exactly("IO in crates/model", Crate::read("crates/model/src").uses(&IO), &[]);
}

/// A type's name tells a reader which type it is.
#[test]
fn no_two_types_have_one_name() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in CRATES {
        for (module, own) in Crate::read(name).types() {
            places.entry(own).or_default().push(format!("{name} {module}"));
        }
    }
    let twins = places.into_iter().filter(|(_, places)| places.len() > 1);
    exactly("types of one name: TWINS", twins.map(|(name, places)| (name, places.join(", "))), TWINS);
}

/// An architecture is described by its files in targets/ and qemu/: code that knows its name, or a triple, would be one
/// more place. Sentences may have it: examples in help.
#[test]
fn no_code_knows_the_name_of_an_architecture() {
    let mut names: BTreeSet<String> = ["arm", "i386", "mips", "powerpc", "sparc64"].map(str::to_owned).into();
    for file in files(&workspace().join("targets"), "target.toml") {
        names.insert(file.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned());
        let text = fs_err::read_to_string(&file).unwrap();
        let target: toml::Table = text.parse().unwrap();
        names.insert(target["triple"].as_str().unwrap().split('-').next().unwrap().to_owned());
        names.insert(target["musl"]["arch"].as_str().unwrap().to_owned());
    }
    assert!(names.len() > 10, "{names:?}");
    let is_name = |text: &str| {
        let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        !text.contains(char::is_whitespace) && words.any(|word| names.contains(word))
    };
    let mut found = Vec::new();
    for name in CRATES {
        let sources = Crate::read(name);
        let literals = sources.literals().into_iter().filter(|(_, text)| is_name(text));
        found.extend(literals.map(|(module, text)| (format!("{name} {module}"), text.to_owned())));
    }
    exactly("names of architectures in code", found, &[]);
}

#[test]
fn no_file_of_rust_is_longer_than_400_lines() {
    let long = FOLDERS.iter().flat_map(|folder| files(&workspace().join(folder), ".rs")).filter_map(|file| {
        let lines = fs_err::read_to_string(&file).unwrap().lines().count();
        (lines > 400).then(|| (file.display().to_string(), lines.to_string()))
    });
    exactly("too long: files and their lines", long, &[]);
}

#[test]
fn every_file_of_tests_is_a_module() {
    for name in ["hermetic", "real"] {
        let folder = workspace().join("tests/tests").join(name);
        let main = fs_err::read_to_string(folder.join("main.rs")).unwrap();
        let declared: BTreeSet<_> =
            main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';')).collect();
        let files = files(&folder, ".rs");
        let there: BTreeSet<_> =
            files.iter().map(|file| file.strip_prefix(&folder).unwrap().to_str().unwrap()).collect();
        let modules = there.iter().map(|file| file.strip_suffix(".rs").unwrap()).filter(|module| *module != "main");
        assert_eq!(declared, modules.collect(), "{name}/main.rs, and the files beside it");
    }
    let tests: BTreeSet<_> =
        fs_err::read_dir(workspace().join("tests/tests")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(tests, ["hermetic", "real"].map(Into::into).into(), "each other one would be a program of its own");
}

#[test]
fn every_snapshot_is_that_of_a_test() {
    for name in ["hermetic", "real"] {
        let folder = workspace().join("tests/tests").join(name);
        let snapshots = files(&folder.join("snapshots"), "");
        assert!(!snapshots.is_empty());
        for snapshot in snapshots {
            let file = snapshot.file_name().unwrap().to_str().unwrap();
            if file.ends_with(".snap.new") {
                // Of a test that has just failed.
                continue;
            }
            let parts: Option<Vec<&str>> = file.strip_suffix(".snap").map(|stem| stem.splitn(3, "__").collect());
            let Some([test_crate, module, own]) = parts.as_deref() else { panic!("{file} is no snapshot of a test") };
            // The second of a test ends with `-2`.
            let (function, number) = own.split_once('-').unwrap_or((own, "1"));
            let text = fs_err::read_to_string(folder.join(format!("{module}.rs"))).unwrap_or_default();
            let body = text.split("#[test]\n").find(|test| test.starts_with(&format!("fn {function}(")));
            let taken = body.map_or(0, |body| body.matches("insta::assert").count());
            assert!(*test_crate == name && taken >= number.parse().unwrap(), "no test takes the snapshot {file}");
        }
    }
}
