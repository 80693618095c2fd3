//! The manifest of an archive of test programs: what they are, what they come from, and every file with its hash.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::compiler::{Compiler, CompilerBuild};
use super::pins::is_sha256;

/// The schema that this version writes.
pub const SCHEMA: &str = "bringup-archive/2";

/// An older one, which is still read: it named the compiler by a word, and patches that were left out in notes.
const SCHEMA_1: &str = "bringup-archive/1";

/// Name of the manifest in its archive, where it comes first.
pub const FILE: &str = "manifest.json";

/// What is in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveManifest {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Target name.
    pub target: String,
    /// Target triple.
    pub triple: String,
    /// The versions that the programs were built from.
    pub pins: SourceVersions,
    /// The compiler of std and the test programs.
    pub compiler: Compiler,
    /// Digest of the step `toolchain`.
    pub toolchain: String,
    /// Digest of the step `test_programs`.
    pub test_programs: String,
    /// Patches that were left out, each as `SOURCE/FILE`.
    pub left_out: Vec<String>,
    /// sha256 of each file but the manifest itself, by its path.
    pub files: BTreeMap<String, String>,
}

/// Versions of the sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceVersions {
    /// Rust's version.
    pub rust: String,
    /// musl's version.
    pub musl: String,
    /// Version of LLVM's runtimes.
    pub llvm: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArchiveManifest1 {
    #[serde(rename = "schema")]
    _schema: String,
    target: String,
    triple: String,
    pins: SourceVersions,
    compiler: String,
    toolchain: String,
    test_programs: String,
    notes: Vec<String>,
    files: BTreeMap<String, String>,
}

impl TryFrom<ArchiveManifest1> for ArchiveManifest {
    type Error = String;

    fn try_from(manifest: ArchiveManifest1) -> Result<Self, String> {
        let ArchiveManifest1 { target, triple, pins, compiler, toolchain, test_programs, notes, files, .. } = manifest;
        let compiler = match compiler.as_str() {
            "stock" => Compiler::Stock,
            // It did not say more.
            "bootstrap" => Compiler::Bootstrap(CompilerBuild::default()),
            other => return Err(format!("{FILE}: the compiler `{other}` is unknown")),
        };
        let left_out = notes.iter().filter_map(|note| note.strip_prefix("built without patch ")).map(str::to_owned);
        let (schema, left_out) = (SCHEMA.into(), left_out.collect());
        Ok(Self { schema, target, triple, pins, compiler, toolchain, test_programs, left_out, files })
    }
}

impl ArchiveManifest {
    /// Reads a manifest of this schema or of `bringup-archive/1`.
    ///
    /// # Errors
    ///
    /// If it has another schema, or a target or a digest that is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Tag {
            schema: Option<String>,
        }
        let unreadable = |error: serde_json::Error| format!("{FILE} cannot be read: {error}");
        // The schema first: another version's fields would only give a misleading error.
        let tag: Tag = serde_json::from_slice(bytes).map_err(unreadable)?;
        let manifest: Self = match tag.schema.as_deref() {
            Some(SCHEMA) => serde_json::from_slice(bytes).map_err(unreadable)?,
            Some(SCHEMA_1) => serde_json::from_slice::<ArchiveManifest1>(bytes).map_err(unreadable)?.try_into()?,
            Some(other) => {
                return Err(format!("it has the schema `{other}`, this version reads `{SCHEMA}` and `{SCHEMA_1}`"));
            }
            None => return Err(format!("{FILE} has no `schema`")),
        };
        // It becomes part of a path.
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if manifest.target.is_empty() || !manifest.target.chars().all(plain) {
            return Err(format!("{FILE}: `{}` is no name of a target", manifest.target));
        }
        // So do these, and reports name them.
        for digest in [&manifest.toolchain, &manifest.test_programs] {
            if !is_sha256(digest) {
                return Err(format!("{FILE}: `{digest}` is no digest of a step"));
            }
        }
        Ok(manifest)
    }

    /// Compares it with the files that are there, given as paths with their sha256: what is lacking, altered or unknown.
    pub fn check(&self, found: &BTreeMap<String, String>) -> Result<(), String> {
        let paths: BTreeSet<&String> = self.files.keys().chain(found.keys()).collect();
        let wrong = paths.into_iter().find_map(|path| match (self.files.get(path), found.get(path)) {
            (Some(_), None) => Some(format!("`{path}` is not in it, but in its {FILE}")),
            (None, Some(_)) => Some(format!("`{path}` is in it, but not in its {FILE}")),
            (Some(expected), Some(hash)) if expected != hash => {
                Some(format!("`{path}` was altered: its sha256 is {hash}, {FILE} has {expected}"))
            }
            _ => None,
        });
        wrong.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> ArchiveManifest {
        let pins = SourceVersions { rust: "1.95.0".into(), musl: "1.2.6".into(), llvm: "22.1.8".into() };
        ArchiveManifest {
            schema: SCHEMA.into(),
            target: "s390x".into(),
            triple: "s390x-alpine-linux-musl".into(),
            pins,
            compiler: Compiler::Stock,
            toolchain: "01".repeat(32),
            test_programs: "02".repeat(32),
            left_out: vec![],
            files: [("a".into(), "11".into()), ("b".into(), "22".into())].into(),
        }
    }

    #[test]
    fn it_reads_what_it_writes_and_nothing_else() {
        let parse = |text: &str| ArchiveManifest::parse(text.as_bytes());
        let text = serde_json::to_string(&manifest()).unwrap();
        assert_eq!(parse(&text), Ok(manifest()));
        for (from, to, why) in [
            (SCHEMA, "bringup-archive/3", "this version reads"),
            (r#""schema""#, r#""name""#, "no `schema`"),
            (r#""s390x""#, r#""../s390x""#, "is no name of a target"),
            (r#""0202"#, r#""../02"#, "is no digest of a step"),
            (r#""left_out""#, r#""remarks""#, "unknown field `remarks`"),
        ] {
            let error = parse(&text.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn an_older_schema_is_read() {
        let text = serde_json::to_string(&manifest()).unwrap().replacen(SCHEMA, SCHEMA_1, 1);
        let notes = r#""notes":["built without patch musl/0001-a.patch"]"#;
        let text = text.replacen(r#""left_out":[]"#, notes, 1);
        let left_out = vec!["musl/0001-a.patch".to_owned()];
        let parse = |text: &str| ArchiveManifest::parse(text.as_bytes());
        assert_eq!(parse(&text), Ok(ArchiveManifest { left_out: left_out.clone(), ..manifest() }));
        let built = text.replacen(r#""stock""#, r#""bootstrap""#, 1);
        let compiler = Compiler::Bootstrap(CompilerBuild::default());
        assert_eq!(parse(&built), Ok(ArchiveManifest { compiler, left_out, ..manifest() }));
    }

    #[test]
    fn every_difference_is_seen() {
        let check = |files: &[(&str, &str)]| {
            let found = files.iter().map(|(path, hash)| ((*path).to_owned(), (*hash).to_owned())).collect();
            manifest().check(&found)
        };
        assert_eq!(check(&[("a", "11"), ("b", "22")]), Ok(()));
        let wrong = |files: &[(&str, &str)], why: &str| assert!(check(files).is_err_and(|error| error.contains(why)));
        wrong(&[("a", "11")], "`b` is not in it");
        wrong(&[("a", "11"), ("b", "22"), ("c", "33")], "`c` is in it, but not");
        wrong(&[("a", "11"), ("b", "23")], "`b` was altered");
    }
}
