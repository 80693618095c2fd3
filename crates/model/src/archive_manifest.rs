//! The manifest of an archive of test programs: their target and versions, and the hash of every file.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::compiler::{Compiler, CompilerBuild};
use super::pins::is_sha256;
use super::report::UsedToolchain;
use super::schema::SchemaTag;

/// The schema of the manifests that this version writes.
pub const SCHEMA: &str = "bringup-archive/2";

/// An older schema, which has the compiler as a word and the patches that were left out as notes.
const SCHEMA_1: &str = "bringup-archive/1";

/// The manifest's file name in the archive, where it is the first file.
pub const FILE: &str = "manifest.json";

/// The manifest of an archive of test programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveManifest {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The target's name.
    pub target: String,
    /// The target triple.
    pub triple: String,
    /// The versions of the programs' sources.
    pub pins: SourceVersions,
    /// The compiler that built std and the test programs.
    pub compiler: Compiler,
    /// The digest of the step `toolchain`.
    pub toolchain: String,
    /// The digest of the step `test_programs`.
    pub test_programs: String,
    /// Patches that were left out, each as `SOURCE/FILE`.
    pub left_out: Vec<String>,
    /// The sha256 of each file except the manifest, by path.
    pub files: BTreeMap<String, String>,
}

/// Versions of the sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceVersions {
    /// The version of Rust.
    pub rust: String,
    /// The stock toolchain of that Rust; nothing in older archives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rust_toolchain: Option<UsedToolchain>,
    /// The version of musl.
    pub musl: String,
    /// The version of LLVM's runtimes.
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
            // The older schema has no stage and no LLVM.
            "bootstrap" => Compiler::Bootstrap(CompilerBuild::default()),
            other => return Err(format!("{FILE}: the compiler `{other}` is unknown")),
        };
        let left_out = notes.iter().filter_map(|note| note.strip_prefix("built without patch ")).map(str::to_owned);
        let (schema, left_out) = (SCHEMA.into(), left_out.collect());
        Ok(Self { schema, target, triple, pins, compiler, toolchain, test_programs, left_out, files })
    }
}

impl ArchiveManifest {
    /// Parses a manifest with this schema or `bringup-archive/1`.
    ///
    /// # Errors
    ///
    /// Fails if the JSON is not a manifest, if the schema is unknown, or if the target's name or a digest is malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let unreadable = |error: serde_json::Error| format!("{FILE} cannot be read: {error}");
        // The schema comes first, because the fields of another schema would give a misleading error.
        let tag: SchemaTag = serde_json::from_slice(bytes).map_err(unreadable)?;
        let manifest: Self = match tag.schema.as_deref() {
            Some(SCHEMA) => serde_json::from_slice(bytes).map_err(unreadable)?,
            Some(SCHEMA_1) => serde_json::from_slice::<ArchiveManifest1>(bytes).map_err(unreadable)?.try_into()?,
            Some(other) => {
                return Err(format!("its schema `{other}` is unknown: this version reads `{SCHEMA}` and `{SCHEMA_1}`"));
            }
            None => return Err(format!("`schema` is missing in {FILE}")),
        };
        // The target's name becomes part of a path.
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if manifest.target.is_empty() || !manifest.target.chars().all(plain) {
            return Err(format!("{FILE}: `{}` is not a name of a target", manifest.target));
        }
        // The digests become parts of paths, too, and appear in reports.
        for digest in [&manifest.toolchain, &manifest.test_programs] {
            if !is_sha256(digest) {
                return Err(format!("{FILE}: `{digest}` is not a digest of a step"));
            }
        }
        Ok(manifest)
    }

    /// Compares the manifest with the files of the archive, given as paths with their sha256.
    ///
    /// # Errors
    ///
    /// Returns one sentence about the first file that is missing, unknown or altered.
    pub fn check(&self, found: &BTreeMap<String, String>) -> Result<(), String> {
        let paths: BTreeSet<&String> = self.files.keys().chain(found.keys()).collect();
        let wrong = paths.into_iter().find_map(|path| match (self.files.get(path), found.get(path)) {
            (Some(_), None) => Some(format!("`{path}` is missing, but listed in {FILE}")),
            (None, Some(_)) => Some(format!("`{path}` is not listed in {FILE}")),
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
        let pins =
            SourceVersions { rust: "1.95.0".into(), rust_toolchain: None, musl: "1.2.6".into(), llvm: "22.1.8".into() };
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
            (r#""schema""#, r#""name""#, "`schema` is missing"),
            (r#""s390x""#, r#""../s390x""#, "is not a name of a target"),
            (r#""0202"#, r#""../02"#, "is not a digest of a step"),
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
        wrong(&[("a", "11")], "`b` is missing");
        wrong(&[("a", "11"), ("b", "22"), ("c", "33")], "`c` is not listed");
        wrong(&[("a", "11"), ("b", "23")], "`b` was altered");
    }
}
