//! git: one function for each command.
//!
//! git uses nothing of the user's: no configuration, hooks, signing or environment, and no repository above the
//! folder that it works on.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use bringup_runner::exec::{Cmd, Output};

/// Settings of every call. They override the configuration of a repository.
const SETTINGS: [&str; 12] = [
    "core.autocrlf=false",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.quotePath=false",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
    "init.defaultBranch=patches",
    // Trust the folders even if another user owns them, as in a container's volume.
    "safe.directory=*",
];

/// Author, committer and date of commits that are not made from a patch. They are fixed, so that the same content
/// gives the same commit.
const NAME: &str = "Bringup";
const EMAIL: &str = "bringup@localhost";
const DATE: &str = "2000-01-01T00:00:00Z";

fn git() -> Cmd {
    let settings = SETTINGS.iter().flat_map(|setting| ["-c", setting]);
    let identity = [
        ("GIT_AUTHOR_NAME", NAME),
        ("GIT_AUTHOR_EMAIL", EMAIL),
        ("GIT_AUTHOR_DATE", DATE),
        ("GIT_COMMITTER_NAME", NAME),
        ("GIT_COMMITTER_EMAIL", EMAIL),
        ("GIT_COMMITTER_DATE", DATE),
    ];
    let pinned = [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_ATTR_NOSYSTEM", "1")];
    let cmd = Cmd::new(which::which("git").unwrap_or_else(|_| "git".into())).args(settings);
    identity.into_iter().chain(pinned).fold(cmd, |cmd, (key, value)| cmd.env(key, value))
}

/// git outside of any repository. Inside one, `git apply` silently skips files that the repository does not track.
fn without_repository(dir: &Path) -> Cmd {
    git().env("GIT_DIR", "/dev/null").dir(dir)
}

/// `git apply`: applies a patch file to a folder that is not a repository, without fuzz, completely or not at all. Says
/// which hunks are at other lines than in the patch.
pub fn apply(dir: &Path, patch: &Path) -> Result<Output> {
    without_repository(dir)
        .args(["apply", "--verbose", "--whitespace=nowarn"])
        .arg(std::path::absolute(patch)?)
        .output()
}

/// `git apply --check`: whether a patch file would apply to a folder that is not a repository, with these options.
pub fn would_apply(dir: &Path, patch: &Path, how: &[&str]) -> Result<bool> {
    let cmd = without_repository(dir).args(["apply", "--check"]).args(how).arg(std::path::absolute(patch)?);
    Ok(cmd.output()?.finished.status.success())
}

/// `git hash-object`: the ids of these files as blobs.
pub fn blob_ids(files: &[PathBuf]) -> Result<Vec<String>> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let cmd = without_repository(Path::new("/")).args(["hash-object", "--no-filters", "--"]).args(files);
    Ok(cmd.read()?.lines().map(Into::into).collect())
}

/// The HEAD of the repository in this folder, and whether files differ from it. `None` if the folder is not the top
/// of a repository.
pub fn state(dir: &Path) -> Result<Option<(String, bool)>> {
    // In a linked working tree, `.git` is a file.
    if !dir.join(".git").exists() {
        return Ok(None);
    }
    let printed = |args: &[&str]| -> Result<Option<String>> {
        let output = git().args(args).dir(dir).output()?;
        let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        Ok(output.finished.status.success().then_some(text))
    };
    let Some(commit) = printed(&["rev-parse", "--quiet", "--verify", "HEAD"])? else { return Ok(None) };
    let changes = printed(&["status", "--porcelain"])?;
    Ok(Some((commit, changes.is_some_and(|changes| !changes.is_empty()))))
}

fn excluded(files: &[String]) -> impl Iterator<Item = String> {
    files.iter().map(|file| format!("--exclude={file}"))
}

/// A repository with a working tree.
#[derive(Debug)]
pub struct Repo {
    dir: PathBuf,
}

impl Repo {
    /// `git init`. Attributes in the files do not change how files are stored or compared.
    pub fn init(dir: &Path) -> Result<Self> {
        let repo = Self { dir: std::path::absolute(dir)? };
        repo.git()
            .args(["init", "--quiet"])
            .read()
            .with_context(|| format!("making a repository of {}", dir.display()))?;
        fs_err::create_dir_all(repo.git_dir().join("info"))?;
        fs_err::write(
            repo.git_dir().join("info/attributes"),
            "* -text -filter -ident -working-tree-encoding !diff !merge\n",
        )?;
        Ok(repo)
    }

    /// The repository whose top folder is `dir`, not one above it.
    pub fn open(dir: &Path) -> Result<Option<Self>> {
        let repo = Self { dir: std::path::absolute(dir)? };
        Ok(repo.git_dir().is_dir().then_some(repo))
    }

    /// The repository's top folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn git_dir(&self) -> PathBuf {
        self.dir.join(".git")
    }

    fn git(&self) -> Cmd {
        git().env("GIT_DIR", self.git_dir()).env("GIT_WORK_TREE", &self.dir).dir(&self.dir)
    }

    /// `git add` and `git write-tree`: stores all files of these folders as one tree, ignored ones included, except
    /// `except` at their tops. Returns the tree's id. Changes neither the index nor the working tree.
    pub fn write_tree(&self, folders: &[&Path], except: &str) -> Result<String> {
        let index = self.git_dir().join("index.pristine");
        let git = |folder: &Path| self.git().env("GIT_INDEX_FILE", &index).env("GIT_WORK_TREE", folder).dir(folder);
        // An interrupted command may have left it.
        let _ = fs_err::remove_file(&index);
        let store = || {
            for folder in folders {
                let folder = std::path::absolute(folder)?;
                let add = git(&folder).args(["add", "--force", ".", &format!(":(exclude,top,literal){except}")]);
                add.read().with_context(|| format!("storing {} in {}", folder.display(), self.dir.display()))?;
            }
            git(&self.dir).arg("write-tree").read()
        };
        let stored = store();
        let _ = fs_err::remove_file(&index);
        stored
    }

    /// `git commit-tree`: a commit without parents.
    pub fn commit_tree(&self, tree: &str, message: &str) -> Result<String> {
        self.git().args(["commit-tree", "-m", message, tree]).read()
    }

    /// `git reset --hard`.
    pub fn reset_hard(&self, commit: &str) -> Result<()> {
        self.git().args(["reset", "--quiet", "--hard", commit]).read().map(drop)
    }

    /// `git tag --force`.
    pub fn tag(&self, name: &str, commit: &str) -> Result<()> {
        self.git().args(["tag", "--force", name, commit]).read().map(drop)
    }

    /// `git rev-parse`: the id that `name` refers to, if it refers to anything.
    pub fn rev_parse(&self, name: &str) -> Result<Option<String>> {
        let output = self.git().args(["rev-parse", "--quiet", "--verify", name]).output()?;
        let id = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        Ok((output.finished.status.success() && !id.is_empty()).then_some(id))
    }

    /// `git log`: the first line of a commit's message.
    pub fn subject(&self, commit: &str) -> Result<String> {
        self.git().args(["log", "-1", "--format=%s", commit]).read()
    }

    /// `git rev-list`: the commits of a range. `extra` are options that narrow it.
    pub fn rev_list(&self, range: &str, extra: &[&str]) -> Result<Vec<String>> {
        let printed = self.git().arg("rev-list").args(extra).arg(range).read()?;
        Ok(printed.lines().map(Into::into).collect())
    }

    /// `git status --porcelain`: changed and untracked files, without ignored ones, one line each.
    pub fn status(&self) -> Result<Vec<String>> {
        let printed = self.git().args(["status", "--porcelain", "--untracked-files=all"]).read()?;
        Ok(printed.lines().map(Into::into).collect())
    }

    /// The git command that is in progress, such as `am` or `rebase`.
    pub fn in_progress(&self) -> Option<&'static str> {
        let begun = [
            ("rebase-merge", "rebase"),
            ("rebase-apply", "am"),
            ("MERGE_HEAD", "merge"),
            ("CHERRY_PICK_HEAD", "cherry-pick"),
            ("REVERT_HEAD", "revert"),
        ];
        begun.into_iter().find(|(file, _)| self.git_dir().join(file).exists()).map(|(_, command)| command)
    }

    /// `git am`: commits patch files with their authors and dates. Stops at the first that does not apply, and stays
    /// in progress.
    pub fn am(&self, patches: &[PathBuf]) -> Result<Output> {
        let how =
            ["--quiet", "--keep-cr", "--keep-non-patch", "--committer-date-is-author-date", "--whitespace=nowarn"];
        self.git().arg("am").args(how).args(patches).output()
    }

    /// Whether a patch applies without changes, ignoring the files `except`.
    pub fn takes(&self, patch: &Path, except: &[String]) -> Result<bool> {
        let cmd = self.git().args(["apply", "--check"]).args(excluded(except)).arg(patch);
        Ok(cmd.output()?.finished.status.success())
    }

    /// `git am --3way`: commits a patch file, ignoring the files `except`, and merges if it does not apply. Makes no
    /// commit if the changes are already present. Returns the files with conflicts. If there are any, they have
    /// conflict markers, and `git am` is in progress.
    pub fn am_three_way(&self, patch: &Path, except: &[String]) -> Result<Vec<String>> {
        let how = ["--3way", "--quiet", "--keep-cr", "--keep-non-patch", "--committer-date-is-author-date"];
        let output = self.git().arg("am").args(how).args(excluded(except)).arg(patch).output()?;
        if output.finished.status.success() {
            return Ok(Vec::new());
        }
        let listed = self.git().args(["diff", "--name-only", "--diff-filter=U", "-z"]).read()?;
        let files: Vec<String> = listed.split_terminator('\0').map(Into::into).collect();
        if files.is_empty() {
            let printed = String::from_utf8_lossy(&output.stderr);
            bail!("`git am` of {}: {}", patch.display(), printed.trim_end());
        }
        Ok(files)
    }

    /// `git apply --3way`: the tree that merging a patch file into HEAD gives, ignoring the files `except`; nothing if it
    /// conflicts. Leaves the working tree as HEAD has it.
    pub fn merged_tree(&self, patch: &Path, except: &[String]) -> Result<Option<String>> {
        let apply = self.git().args(["apply", "--3way", "--whitespace=nowarn"]).args(excluded(except)).arg(patch);
        let applied = apply.output()?.finished.status.success();
        let tree = if applied { Some(self.git().arg("write-tree").read()?) } else { None };
        self.reset_hard("HEAD")?;
        Ok(tree)
    }

    /// `git diff --name-only`: the files in which two trees differ.
    pub fn differing(&self, one: &str, other: &str) -> Result<Vec<String>> {
        let printed = self.git().args(["diff", "--name-only", "-z", one, other]).read()?;
        Ok(printed.split_terminator('\0').map(Into::into).collect())
    }

    /// `git am --skip`: skips the patch that could not be merged.
    pub fn am_skip(&self) -> Result<()> {
        self.git().args(["am", "--skip", "--quiet"]).read().map(drop)
    }

    /// How many patches an unfinished `git am` has committed.
    pub fn am_done(&self) -> Result<usize> {
        let next = fs_err::read_to_string(self.git_dir().join("rebase-apply/next"))?;
        let next: usize = next.trim().parse().context("reading the progress of `git am`")?;
        Ok(next.saturating_sub(1))
    }

    /// `git apply --reject`: applies the hunks that apply, and writes the others to `.rej` files beside their files.
    pub fn apply_reject(&self, patch: &Path) -> Result<Output> {
        self.git().args(["apply", "--reject", "--whitespace=nowarn"]).arg(patch).output()
    }

    /// `git format-patch`: writes the commits of a range into `folder`. The text depends only on the commits.
    pub fn format_patch(&self, range: &str, folder: &Path) -> Result<()> {
        let stable = [
            "--zero-commit",
            "--no-signature",
            "--no-stat",
            "--no-numbered",
            "--no-encode-email-headers",
            "--no-thread",
            "--no-notes",
            "--full-index",
            "--binary",
            "--find-renames",
            "--diff-algorithm=myers",
            "--unified=3",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            "--subject-prefix=PATCH",
            "--suffix=.patch",
            "--start-number=1",
            "--quiet",
        ];
        self.git()
            .arg("format-patch")
            .args(stable)
            .arg("-o")
            .arg(std::path::absolute(folder)?)
            .arg(range)
            .read()
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_folder_is_its_commit_and_whether_it_differs() {
        let folder = tempfile::tempdir().unwrap();
        let within = folder.path().join("within");
        fs_err::create_dir(&within).unwrap();
        assert_eq!(state(folder.path()).unwrap(), None);
        let repo = Repo::init(folder.path()).unwrap();
        assert_eq!(state(folder.path()).unwrap(), None);
        fs_err::write(folder.path().join("file"), "text").unwrap();
        let commit = repo.commit_tree(&repo.write_tree(&[folder.path()], ".git").unwrap(), "first").unwrap();
        repo.reset_hard(&commit).unwrap();
        assert_eq!(state(folder.path()).unwrap(), Some((commit.clone(), false)));
        fs_err::write(folder.path().join("file"), "other").unwrap();
        assert_eq!(state(folder.path()).unwrap(), Some((commit, true)));
        assert_eq!(state(&within).unwrap(), None);
    }
}
