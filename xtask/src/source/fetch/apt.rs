//! Source and binary packages from apt, on Debian-like hosts.
//!
//! Uses a private apt root in the cache, which requires no root rights and does not change the host's apt. Its
//! sources are the addresses that Debian's apt uses, so the code names no mirror. Other hosts have to be given one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use bringup_runner::exec::{Cmd, NETWORK_ENV, Output, PATH, describe};
use bringup_runner::interrupt::is_interrupt;

use super::cache::Cache;
use super::debian::{self, PATIENCE, PackageKind};

const HELPER: &str = "/usr/lib/apt/apt-helper";

/// Lists that are younger than this are not fetched again.
const FRESH: Duration = Duration::from_mins(10);

/// A file that apt offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AptPackage {
    uri: String,
    /// The file's name.
    pub file_name: String,
    /// The file's sha256, as apt's lists have it.
    pub sha256: String,
}

/// How to ask apt for packages of one kind.
struct PackageQuery {
    /// Arguments of apt-cache that show all versions.
    show: &'static [&'static str],
    /// Arguments of apt-get that download a version.
    get: &'static [&'static str],
}

const SOURCE_QUERY: PackageQuery =
    PackageQuery { show: &["showsrc", "--only-source"], get: &["source", "--only-source"] };
const BINARY_QUERY: PackageQuery = PackageQuery { show: &["show"], get: &["download"] };

/// A private apt root.
pub struct Apt<'a> {
    root: PathBuf,
    say: &'a dyn Fn(&str),
}

impl<'a> Apt<'a> {
    /// Makes the root. `suites` are newer suites of the same archive to search, too. Fails on hosts without apt.
    pub fn open(cache: Cache, kind: PackageKind, suites: &[String], say: &'a dyn Fn(&str)) -> Result<Self> {
        if which::which_in("apt-get", Some(PATH), "/").is_err() || !Path::new(HELPER).exists() {
            bail!("this host has no apt");
        }
        let kind_name = match kind {
            PackageKind::Sources => "sources",
            PackageKind::Binaries => "binaries",
        };
        // One root for each list of suites. In a shared root, each would delete the other's lists.
        let folder = [kind_name].into_iter().chain(suites.iter().map(String::as_str)).collect::<Vec<_>>().join("-");
        let apt = Self { root: cache.root().join("apt").join(folder), say };
        let list = debian::source_list(kind, suites)?;
        fs_err::create_dir_all(apt.lists().join("partial"))?;
        fs_err::write(apt.root.join("apt.conf"), apt.config())?;
        let path = apt.root.join("sources.list");
        if fs_err::read_to_string(&path).ok().as_ref() != Some(&list) {
            // Do not fetch the lists of other archives.
            fs_err::remove_dir_all(apt.lists())?;
            fs_err::create_dir_all(apt.lists().join("partial"))?;
            fs_err::write(path, list)?;
        }
        Ok(apt)
    }

    /// Downloads the file with this sha256, of any version of the source package, into `folder`. The caller verifies
    /// the file.
    pub fn source(&self, package: &str, sha256: &str, folder: &Path) -> Result<AptPackage> {
        self.by_hash(&SOURCE_QUERY, package, sha256, folder)
    }

    /// Downloads the file with this sha256, of any version of the binary package, into `folder`. The caller verifies
    /// the file.
    pub fn package_of(&self, package: &str, sha256: &str, folder: &Path) -> Result<AptPackage> {
        self.by_hash(&BINARY_QUERY, package, sha256, folder)
    }

    fn by_hash(&self, query: &PackageQuery, package: &str, sha256: &str, folder: &Path) -> Result<AptPackage> {
        self.with_lists(|| {
            let listed = ask(&self.cmd("apt-cache").args(query.show).arg(package))?;
            let versions = versions(&listed, sha256);
            if versions.is_empty() {
                bail!("no version of {package} that apt offers has an archive with this sha256{}", offered(&listed));
            }
            let mut last = anyhow!("apt has no address for it");
            for version in versions {
                let cmd = self.cmd("apt-get").args(query.get).arg("--print-uris").arg(format!("{package}={version}"));
                let found = ask(&cmd).map(|text| items(&text).into_iter().find(|item| item.sha256 == sha256));
                match found.and_then(|item| item.map(|item| self.download(item, folder)).transpose()) {
                    Ok(Some(item)) => return Ok(item),
                    Ok(None) => {}
                    Err(error) if is_interrupt(&error) => return Err(error),
                    Err(error) => last = error,
                }
            }
            Err(last)
        })
    }

    /// Downloads the newest version of the binary package into `folder`. The caller verifies the file.
    pub fn package(&self, package: &str, folder: &Path) -> Result<AptPackage> {
        self.with_lists(|| {
            let listed = ask(&self.cmd("apt-get").args(["download", "--print-uris", package]))?;
            let item = items(&listed).into_iter().next();
            self.download(item.with_context(|| format!("apt has no address for {package}"))?, folder)
        })
    }

    fn download(&self, item: AptPackage, folder: &Path) -> Result<AptPackage> {
        (self.say)(&format!("downloading {}", item.uri));
        let hash = format!("SHA256:{}", item.sha256);
        let cmd = self.cmd(HELPER).arg("download-file").arg(&item.uri).arg(folder.join(&item.file_name)).arg(hash);
        let output = cmd.output()?;
        if output.finished.status.success() { Ok(item) } else { Err(complaint(&output)) }
    }

    /// Tries with the existing lists. If that fails and the lists are old, fetches new lists and tries again.
    fn with_lists<T>(&self, attempt: impl Fn() -> Result<T>) -> Result<T> {
        let age =
            fs_err::metadata(self.updated()).and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
        if let Some(age) = age {
            match attempt() {
                Err(error) if age > FRESH && !is_interrupt(&error) => {}
                done => return done,
            }
        }
        (self.say)("fetching apt's lists of packages");
        let output = self.cmd("apt-get").arg("update").timeout(PATIENCE).output()?;
        if output.finished.status.success() {
            fs_err::write(self.updated(), "")?;
            return attempt();
        }
        // An archive that does not answer may not be required, so its failure is not final.
        attempt().map_err(|error| if is_interrupt(&error) { error } else { error.context(complaint(&output)) })
    }

    fn cmd(&self, program: &str) -> Cmd {
        let cmd = Cmd::new(program).dir(&self.root).arg("-c").arg(self.root.join("apt.conf")).arg("-q");
        cmd.inherit_all(NETWORK_ENV)
    }

    fn lists(&self) -> PathBuf {
        self.root.join("lists")
    }

    /// The file whose time says when all lists were fetched.
    fn updated(&self) -> PathBuf {
        self.lists().join("updated")
    }

    /// The host's hooks and preferences do not apply. An outdated mirror is accepted, because files have a pinned
    /// hash or a checked version.
    fn config(&self) -> String {
        let root = self.root.display();
        format!(
            "#clear APT::Update::Pre-Invoke;\n\
             #clear APT::Update::Post-Invoke;\n\
             #clear APT::Update::Post-Invoke-Success;\n\
             APT::Update::Error-Mode \"any\";\n\
             APT::Sandbox::User \"root\";\n\
             Acquire::Check-Valid-Until \"false\";\n\
             Acquire::Languages \"none\";\n\
             Acquire::http::Timeout \"30\";\n\
             Acquire::https::Timeout \"30\";\n\
             Dir::Etc::sourcelist \"{root}/sources.list\";\n\
             Dir::Etc::sourceparts \"/dev/null\";\n\
             Dir::Etc::preferences \"/dev/null\";\n\
             Dir::Etc::preferencesparts \"/dev/null\";\n\
             Dir::State::Lists \"{root}/lists\";\n\
             Dir::Cache \"{root}\";\n\
             Dir::Cache::srcpkgcache \"\";\n\
             Dir::Cache::pkgcache \"\";\n"
        )
    }
}

fn ask(cmd: &Cmd) -> Result<String> {
    let output = cmd.clone().timeout(PATIENCE).output()?;
    if output.finished.status.success() { Ok(text(&output.stdout)) } else { Err(complaint(&output)) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The first error of apt, in one line.
fn complaint(output: &Output) -> anyhow::Error {
    let printed = text(&output.stderr);
    match printed.lines().find_map(|line| line.strip_prefix("E: ")) {
        Some(line) => anyhow!("apt says: {line}"),
        None => anyhow!("apt {}", describe(&output.finished)),
    }
}

/// The versions that are there instead, for an error.
fn offered(shown: &str) -> String {
    let mut versions: Vec<&str> = shown.lines().filter_map(|line| line.strip_prefix("Version: ")).collect();
    versions.dedup();
    if versions.is_empty() { String::new() } else { format!("; it offers {}", versions.join(", ")) }
}

/// The versions that have a file with this sha256, from the output of `apt-cache showsrc` or `show`.
fn versions(shown: &str, sha256: &str) -> Vec<String> {
    let hash = |line: &str| line.strip_prefix("SHA256:").unwrap_or(line).split_whitespace().next() == Some(sha256);
    let holds = |stanza: &&str| stanza.lines().any(hash);
    let mut versions: Vec<String> = Vec::new();
    for stanza in shown.split("\n\n").filter(holds) {
        if let Some(version) = stanza.lines().find_map(|line| line.strip_prefix("Version: "))
            && !versions.iter().any(|known| known == version)
        {
            versions.push(version.to_owned());
        }
    }
    versions
}

/// Parses lines of the form `'URI' NAME SIZE SHA256:HASH`.
fn items(printed: &str) -> Vec<AptPackage> {
    let parse = |line: &str| {
        let (uri, rest) = line.strip_prefix('\'')?.split_once('\'')?;
        let mut words = rest.split_whitespace();
        let file_name = words.next()?;
        let sha256 = words.nth(1)?.strip_prefix("SHA256:")?;
        let plain = !file_name.contains('/') && !file_name.starts_with('.');
        plain.then(|| AptPackage { uri: uri.into(), file_name: file_name.into(), sha256: sha256.into() })
    };
    printed.lines().filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apts_words_are_read() {
        let shown = "Package: p\nVersion: 1-1\nChecksums-Sha256:\n aa 12 p_1.orig.tar.gz\n\nPackage: p\nVersion: 2-1\n\
            Checksums-Sha256:\n bb 12 p_2.orig.tar.gz\n cc 3 p_2.dsc\n\nVersion: 2-2\n bb 12 p_2.orig.tar.gz\n\nVersion: 2-1\n bb 1 x\n";
        assert_eq!(versions(shown, "bb"), ["2-1", "2-2"]);
        assert!(versions(shown, "12").is_empty());
        assert_eq!(offered(shown), "; it offers 1-1, 2-1, 2-2, 2-1");
        assert_eq!(offered(""), "");
        assert_eq!(versions("Package: p\nVersion: 3\nSHA256: dd\n", "dd"), ["3"]);
        let printed = "Need to get 3 B of archives.\n'http://h/p_2%2b1.tar.gz' p_2+1.tar.gz 3 SHA256:bb\n\
            'http://h/x' ../x 3 SHA256:dd\n'http://h/y' y 3 MD5Sum:ee\n";
        let expected =
            AptPackage { uri: "http://h/p_2%2b1.tar.gz".into(), file_name: "p_2+1.tar.gz".into(), sha256: "bb".into() };
        assert_eq!(items(printed), [expected]);
    }
}
