//! Installs missing tools with the host's package manager.

use anyhow::{Context as _, Result, bail};
use bringup_runner::exec::{Cmd, Flow};

use super::tools::{self, PREFERRED_LLVM, llvm_releases};

/// A package manager and its arguments.
#[derive(Debug)]
pub struct Installer {
    program: &'static str,
    refresh: Option<&'static [&'static str]>,
    install: &'static [&'static str],
    /// The query for a package. It succeeds with output if the package is available.
    query: &'static [&'static str],
    /// Pairs of tool and package. `{}` stands for the LLVM release.
    packages: &'static [(&'static str, &'static str)],
}

const INSTALLERS: [Installer; 2] = [
    Installer {
        program: "apt-get",
        refresh: Some(&["update"]),
        install: &["install", "--yes", "--no-install-recommends"],
        query: &["apt-cache", "show", "--no-all-versions"],
        packages: &[
            ("clang", "clang-{}"),
            ("lld", "lld-{}"),
            ("llvm-ar", "llvm-{}"),
            ("llvm-ranlib", "llvm-{}"),
            ("llvm-objdump", "llvm-{}"),
            ("llvm-mc", "llvm-{}"),
            ("git", "git"),
            ("make", "make"),
            ("cmake", "cmake"),
            ("ninja", "ninja-build"),
            ("unshare", "util-linux"),
            ("ip", "iproute2"),
            ("ssh", "openssh-client"),
            ("sshd", "openssh-server"),
            ("gcc", "gcc"),
            ("gcc", "libc6-dev"),
            ("python3", "python3"),
            ("clang++", "clang-{}"),
            ("llvm-config", "llvm-{}-dev"),
            // Libraries that LLVM's static libraries require.
            ("llvm-config", "libpolly-{}-dev"),
            ("llvm-config", "libzstd-dev"),
            ("llvm-config", "zlib1g-dev"),
        ],
    },
    Installer {
        program: "apk",
        refresh: None,
        install: &["add"],
        query: &["apk", "search", "--exact"],
        packages: &[
            ("clang", "clang{}"),
            ("lld", "lld{}"),
            ("llvm-ar", "llvm{}"),
            ("llvm-ranlib", "llvm{}"),
            ("llvm-objdump", "llvm{}"),
            ("llvm-mc", "llvm{}"),
            ("git", "git"),
            ("make", "make"),
            ("cmake", "cmake"),
            ("ninja", "ninja"),
            ("unshare", "util-linux"),
            ("ip", "iproute2"),
            ("ssh", "openssh-client-default"),
            ("sshd", "openssh-server"),
            ("gcc", "gcc"),
            ("gcc", "musl-dev"),
            ("python3", "python3"),
            ("clang++", "clang{}"),
            ("clang++", "libstdc++-dev"),
            ("llvm-config", "llvm{}-dev"),
            ("llvm-config", "llvm{}-static"),
            ("llvm-config", "zstd-dev"),
            ("llvm-config", "zlib-dev"),
        ],
    },
];

impl Installer {
    /// The package manager of this host, if it is a known one.
    pub fn find() -> Option<&'static Self> {
        INSTALLERS.iter().find(|installer| which::which(installer.program).is_ok())
    }

    /// The first release of LLVM, in order of preference, that the package lists have.
    fn llvm(&self) -> Option<u64> {
        let (_, clang) = self.packages.iter().find(|(tool, _)| *tool == "clang")?;
        let known = |release: &u64| {
            let package = clang.replace("{}", &release.to_string());
            let query = Cmd::new(tools::program(self.query[0])).args(&self.query[1..]).arg(package).output();
            query.is_ok_and(|output| output.finished.status.success() && !output.stdout.is_empty())
        };
        llvm_releases().find(known)
    }

    /// The packages that contain `tools`, with LLVM of this release.
    fn packages(&self, tools: &[&str], llvm: Option<u64>) -> Vec<String> {
        let mut packages: Vec<String> = Vec::new();
        let release = llvm.unwrap_or(PREFERRED_LLVM).to_string();
        // All of LLVM's tools must have one release. So if one is installed, all are, even if an older release has
        // the others.
        let is_extra = |tool: &str| tools::EXTRAS.iter().any(|(extra, _)| *extra == tool);
        let is_llvm = |tool: &str, package: &str| package.contains("{}") && !is_extra(tool);
        let any_llvm = self.packages.iter().any(|(tool, package)| is_llvm(tool, package) && tools.contains(tool));
        for (tool, package) in self.packages {
            let wanted = tools.contains(tool) || (any_llvm && is_llvm(tool, package));
            let package = package.replace("{}", &release);
            if wanted && !packages.contains(&package) {
                packages.push(package);
            }
        }
        packages
    }

    /// The command that installs `tools`, for the user to type.
    pub fn command(&self, tools: &[&str]) -> String {
        let sudo = if rustix::process::geteuid().is_root() { "" } else { "sudo " };
        let packages = self.packages(tools, self.llvm());
        let install = format!("{sudo}{} {} {}", self.program, self.install.join(" "), packages.join(" "));
        match self.refresh {
            Some(refresh) => format!("{sudo}{} {} && {install}", self.program, refresh.join(" ")),
            None => install,
        }
    }

    /// Installs `tools`. Fails without root, with the command as a hint.
    pub fn install(&self, tools: &[&str], say: &dyn Fn(&str)) -> Result<()> {
        if !rustix::process::geteuid().is_root() {
            bail!("installing {} requires root\nhint: {}", tools.join(", "), self.command(tools));
        }
        if let Some(refresh) = self.refresh {
            say(&format!("{} {}", self.program, refresh.join(" ")));
            self.call(refresh, &[])
                .with_context(|| format!("refreshing the package lists for {}", tools.join(", ")))?;
        }
        // Choose the packages after refreshing the lists: only fresh lists have the available releases.
        let llvm = self.llvm();
        if tools.iter().any(|tool| tools::is_llvm(tool)) && llvm.is_none() {
            bail!(
                "installing {}: the package lists have no LLVM {PREFERRED_LLVM} or newer\nhint: add a package source that has it, and run this command again; Debian 12 has it in its security updates",
                tools.join(", ")
            );
        }
        let packages = self.packages(tools, llvm);
        say(&format!("{} {} {}", self.program, self.install.join(" "), packages.join(" ")));
        self.call(self.install, &packages).with_context(|| format!("installing {}", tools.join(", ")))
    }

    fn call(&self, words: &[&str], packages: &[String]) -> Result<()> {
        let proxies = ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "HOME"];
        let cmd =
            Cmd::new(tools::program(self.program)).args(words).args(packages).env("DEBIAN_FRONTEND", "noninteractive");
        let cmd = proxies.into_iter().fold(cmd, Cmd::inherit).merge_stderr();
        let mut printed = Vec::new();
        let finished = cmd.stream(|_, chunk| {
            printed.extend_from_slice(chunk);
            Flow::Continue
        })?;
        if finished.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&printed);
        let lines: Vec<&str> = text.trim_end().lines().collect();
        bail!(
            "`{}` {}\n{}",
            cmd.display(),
            bringup_runner::exec::describe(&finished),
            lines[lines.len().saturating_sub(15)..].join("\n")
        )
    }
}
