//! Where Debian's packages come from on this host: from the addresses of its own apt, or from a mirror that the user
//! names.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use bringup_runner::exec::Cmd;

/// Time limit for a query of apt, and for fetching its lists.
pub(super) const PATIENCE: Duration = Duration::from_mins(10);

/// The packages that a private root lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageKind {
    /// Source packages of the host's suites and of the newer ones.
    Sources,
    /// Binary packages of the newer suites.
    Binaries,
}

impl PackageKind {
    /// The word that a line of sources.list begins with, and apt's name for its list.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Sources => ("deb-src", "Sources"),
            Self::Binaries => ("deb", "Packages"),
        }
    }
}

/// Environment variable with the address of a mirror of Debian, for hosts with apt that are not Debian.
const MIRROR_ENV: &str = "BRINGUP_DEBIAN_MIRROR";
/// Debian's keys on hosts that are not Debian, from the package debian-archive-keyring.
const KEYRINGS: [&str; 2] =
    ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"];

/// The text of a private sources.list with packages of this kind. `suites` are newer suites, of which sources are also
/// taken from those of a Debian host.
pub(super) fn source_list(kind: PackageKind, suites: &[String]) -> Result<String> {
    match Host::of(&fs_err::read_to_string("/etc/os-release")?) {
        Host::Debian(codename) => {
            let known = Cmd::new("apt-get").args(["update", "--print-uris"]).timeout(PATIENCE).output()?;
            let list = host_list(&repositories(&String::from_utf8_lossy(&known.stdout)), &codename, kind, suites);
            if list.is_empty() {
                bail!("apt on this host knows no archive of {codename}");
            }
            Ok(list)
        }
        Host::Other(name) => Ok(mirror_list(&mirror(&name)?, kind, suites)),
    }
}

/// What a host with apt is, by its /etc/os-release.
#[derive(Debug, PartialEq, Eq)]
enum Host {
    /// Debian, with the codename of its release.
    Debian(String),
    /// Another distribution, by its name. Its archive has not the packages of Debian's suites.
    Other(String),
}

impl Host {
    fn of(os_release: &str) -> Self {
        let value = |key: &str| {
            let value = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            value.map(|value| value.trim_matches('"').to_owned()).filter(|value| !value.is_empty())
        };
        match (value("ID"), value("VERSION_CODENAME")) {
            (Some(id), Some(codename)) if id == "debian" => Self::Debian(codename),
            (id, _) => Self::Other(id.unwrap_or_else(|| "unknown".into())),
        }
    }
}

/// The mirror of Debian that the user names, for the host `name`.
fn mirror(name: &str) -> Result<String> {
    let address = std::env::var(MIRROR_ENV).unwrap_or_default();
    if address.is_empty() {
        bail!(
            "this host is `{name}`, whose package archive lacks what Debian's has\nhint: set {MIRROR_ENV} to the address of a mirror of Debian, and install the package debian-archive-keyring"
        );
    }
    if !address.contains("://") || address.contains(char::is_whitespace) {
        bail!("{MIRROR_ENV} is `{address}`, which is not the address of a mirror");
    }
    Ok(address)
}

/// The text of the private sources.list with the suites of a mirror.
fn mirror_list(address: &str, kind: PackageKind, suites: &[String]) -> String {
    let keys = KEYRINGS.iter().find(|path| Path::new(path).exists()).unwrap_or(&KEYRINGS[0]);
    let (word, target) = kind.words();
    let line = |suite: &String| format!("{word} [target={target} signed-by={keys}] {address} {suite} main\n");
    suites.iter().map(line).collect::<Vec<_>>().concat()
}

/// Address and suite of every archive that has binaries in the component `main`, from the output of `apt-get update
/// --print-uris`.
fn repositories(printed: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for line in printed.lines() {
        let Some((uri, _)) = line.strip_prefix('\'').and_then(|rest| rest.split_once('\'')) else { continue };
        let Some((place, _)) = uri.split_once("/main/binary-") else { continue };
        let Some((address, suite)) = place.split_once("/dists/") else { continue };
        let repository = (address.to_owned(), suite.to_owned());
        if !found.contains(&repository) {
            found.push(repository);
        }
    }
    found
}

/// The text of the private sources.list. The newer suites are in the same archive as the host's release.
fn host_list(repositories: &[(String, String)], codename: &str, kind: PackageKind, newer: &[String]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut add = |address: &str, suite: &str| {
        let (word, target) = kind.words();
        let line = format!("{word} [target={target}] {address} {suite} main\n");
        if !lines.contains(&line) {
            lines.push(line);
        }
    };
    let own = |suite: &str| suite.strip_prefix(codename).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    for (address, suite) in repositories.iter().filter(|(_, suite)| own(suite)) {
        if kind == PackageKind::Sources {
            add(address, suite);
        }
        if suite == codename {
            for suite in newer {
                add(address, suite);
            }
        }
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_private_list_is_made_of_the_hosts_own_addresses() {
        let printed = "'http://a/debian/dists/twelve/InRelease' a_InRelease 0 \n\
            'http://a/debian/dists/twelve/main/binary-amd64/Packages.xz' x 0 \n\
            'http://a/debian/dists/twelve/main/binary-all/Packages.xz' x 0 \n\
            'http://a/debian/dists/twelve-updates/main/binary-amd64/Packages.xz' x 0 \n\
            'http://a/security/dists/twelve-security/main/binary-amd64/Packages.xz' x 0 \n\
            'https://other/tool/dists/nodistro/main/binary-amd64/Packages.xz' x 0 \n\
            'https://other/tool/dists/twelve/stable/binary-amd64/Packages.xz' x 0 \n";
        let repositories = repositories(printed);
        let newer = ["next".to_owned(), "twelve".to_owned()];
        let expected = "deb-src [target=Sources] http://a/debian twelve main\n\
            deb-src [target=Sources] http://a/debian next main\n\
            deb-src [target=Sources] http://a/debian twelve-updates main\n\
            deb-src [target=Sources] http://a/security twelve-security main\n";
        assert_eq!(host_list(&repositories, "twelve", PackageKind::Sources, &newer), expected);
        let expected = "deb [target=Packages] http://a/debian next main\n";
        assert_eq!(host_list(&repositories, "twelve", PackageKind::Binaries, &newer[..1]), expected);
        assert_eq!(host_list(&repositories, "thirteen", PackageKind::Sources, &newer), "");
    }

    #[test]
    fn a_host_that_is_not_debian_has_the_suites_of_a_mirror() {
        assert_eq!(Host::of("ID=debian\nVERSION_CODENAME=twelve\n"), Host::Debian("twelve".into()));
        assert_eq!(Host::of("VERSION_CODENAME=old\nID=\"ubuntu\"\nID_LIKE=debian\n"), Host::Other("ubuntu".into()));
        let list = mirror_list("http://a/debian", PackageKind::Binaries, &["next".to_owned(), "last".to_owned()]);
        let lines: Vec<&str> = list.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("deb [target=Packages signed-by=/usr/share/keyrings/debian-archive-keyring."));
        assert!(lines[1].ends_with("] http://a/debian last main"), "{list}");
    }
}
