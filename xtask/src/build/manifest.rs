//! Manifests: what was in a step's folder when the step was complete. They are beside the steps, in `out/manifests/`, and
//! only `verify` reads them: reading all files of a step takes longer than a run with nothing to do.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bringup_runner::files::{hashes, on_disk};
use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

/// The folder of manifests, in `out/`.
pub const FOLDER: &str = "manifests";

/// What is in a folder, by path.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest(BTreeMap<String, Item>);

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Item {
    /// A file.
    File {
        /// Its permissions, in octal.
        mode: String,
        /// Hash of its content.
        sha256: String,
    },
    /// A symbolic link, with its target.
    Link(String),
    /// A folder.
    Folder,
}

impl Manifest {
    /// What is in a folder now. Reads every file.
    pub fn of(folder: &Path) -> Result<Self> {
        let (mut items, mut files) = (BTreeMap::new(), Vec::new());
        for entry in WalkDir::new(folder).min_depth(1) {
            let entry = entry?;
            let name = entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_string_lossy().into_owned();
            let kind = entry.file_type();
            if kind.is_symlink() {
                let target = fs_err::read_link(entry.path())?;
                items.insert(name, Item::Link(target.to_string_lossy().into_owned()));
            } else if kind.is_dir() {
                items.insert(name, Item::Folder);
            } else {
                let mode = format!("{:o}", entry.metadata()?.permissions().mode() & 0o7777);
                items.insert(name.clone(), Item::File { mode, sha256: String::new() });
                files.push((name, entry.into_path()));
            }
        }
        for (name, hash) in hashes(&on_disk(files))? {
            if let Some(Item::File { sha256, .. }) = items.get_mut(&name) {
                *sha256 = hash;
            }
        }
        Ok(Self(items))
    }

    /// The manifest of a step's folder; nothing if there is none.
    pub fn read(out: &Path, step: &Path) -> Result<Option<Self>> {
        let path = place(out, step);
        if !path.exists() {
            return Ok(None);
        }
        let manifest = serde_json::from_slice(&fs_err::read(&path)?);
        manifest.map(Some).with_context(|| format!("reading the manifest {}", path.display()))
    }

    /// Keeps this as the manifest of a step's folder.
    pub fn write(&self, out: &Path, step: &Path, temporary: &Path) -> Result<()> {
        let path = place(out, step);
        let part = tempfile::NamedTempFile::new_in(temporary)?;
        fs_err::write(part.path(), serde_json::to_vec(self)?)?;
        fs_err::create_dir_all(path.parent().unwrap_or(out))?;
        part.persist(&path).with_context(|| format!("writing {}", path.display()))?;
        Ok(())
    }

    /// How a folder differs from this, one sentence for each path.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let of = |(name, before): (&String, &Item)| match (before, now.0.get(name)) {
            (_, None) => Some(format!("{name} is missing")),
            (before, Some(now)) if before == now => None,
            (Item::File { sha256: before, .. }, Some(Item::File { sha256: now, .. })) if before != now => {
                Some(format!("{name} has changed: its sha256 was {before}, and is {now}"))
            }
            (Item::File { mode: before, .. }, Some(Item::File { mode: now, .. })) => {
                Some(format!("{name} has mode {now}, and had {before}"))
            }
            (before, Some(now)) => Some(format!("{name} is {}, and was {}", now.words(), before.words())),
        };
        let added = now.0.keys().filter(|name| !self.0.contains_key(*name));
        self.0.iter().filter_map(of).chain(added.map(|name| format!("{name} was added"))).collect()
    }
}

impl Item {
    fn words(&self) -> String {
        match self {
            Self::File { .. } => "a file".into(),
            Self::Link(target) => format!("a link to {target}"),
            Self::Folder => "a folder".into(),
        }
    }
}

/// `out/manifests/toolchain/s390x-0123456789abcdef.json`
fn place(out: &Path, step: &Path) -> PathBuf {
    let name = step.file_name().unwrap_or_default().to_string_lossy();
    let kind = step.parent().and_then(Path::file_name).unwrap_or_default();
    out.join(FOLDER).join(kind).join(format!("{name}.json"))
}
