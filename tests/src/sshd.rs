//! A real sshd on loopback, run by the user who runs the tests, with keys and configuration of its own.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::project::{eventually, starting};

/// A server, gone when dropped.
pub struct Sshd {
    child: Child,
    folder: TempDir,
}

impl Sshd {
    /// The name by which the client's configuration knows the server.
    pub const HOST: &str = "board";

    /// Starts one whose users find these variables in their environment. Without sshd the test fails.
    pub fn start(env: &[(&str, &Path)]) -> Self {
        Self::configured(env, "")
    }

    /// The same with more lines in its configuration.
    pub fn configured(env: &[(&str, &Path)], more: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("bringup-sshd-").tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let sshd = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].into_iter().find(|sshd| Path::new(sshd).is_file());
        let hint = "`cargo xtask doctor --install` installs it (openssh-server and openssh-client)";
        let sshd = sshd.unwrap_or_else(|| panic!("this test needs sshd, which is not installed: {hint}"));
        if rustix::process::geteuid().is_root() {
            // Debian makes it when the service starts.
            fs_err::create_dir_all("/run/sshd").unwrap();
            fs_err::set_permissions("/run/sshd", std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        for key in ["host", "user"] {
            let made = command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path(key)).status();
            assert!(made.is_ok_and(|status| status.success()), "ssh-keygen does not work: {hint}");
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let env: Vec<String> = env.iter().map(|(key, value)| format!("\"{key}={}\"", value.display())).collect();
        let server = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}.pub\nSetEnv {}\nPidFile none\n\
             UsePAM no\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n{more}",
            path("host"),
            path("user"),
            env.join(" "),
        );
        fs_err::write(path("sshd_config"), server).unwrap();
        let key = fs_err::read_to_string(path("host.pub")).unwrap();
        fs_err::write(path("known_hosts"), format!("[127.0.0.1]:{port} {key}")).unwrap();
        let client = format!(
            "Host {}\n    HostName 127.0.0.1\n    Port {port}\n    IdentityFile {}\n    IdentitiesOnly yes\n    \
             UserKnownHostsFile {}\n    StrictHostKeyChecking yes\n",
            Self::HOST,
            path("user"),
            path("known_hosts"),
        );
        fs_err::write(path("ssh_config"), client).unwrap();
        let log = std::fs::File::create(path("log")).unwrap();
        let child = {
            let _starting = starting();
            command(sshd).args(["-D", "-e", "-f"]).arg(path("sshd_config")).stderr(log).spawn().unwrap()
        };
        let server = Self { child, folder };
        eventually("sshd", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        server
    }

    /// The client's configuration.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("ssh_config")
    }

    /// Ends every connection that there is.
    pub fn cut(&self) {
        self.signal(Signal::KILL);
    }

    /// Lets every connection that there is fall silent, as a machine does that is frozen or has lost its network.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    fn signal(&self, signal: Signal) {
        for id in descendants(Pid::from_child(&self.child).as_raw_nonzero().get()) {
            // Not what they run for their users.
            let name = std::fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
            if let Some(pid) = Pid::from_raw(id)
                && name.starts_with("sshd")
            {
                let _ = kill_process(pid, signal);
            }
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.cut();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a server that tests need is started by them")]
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Ids of the processes below one.
fn descendants(id: i32) -> Vec<i32> {
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|id| id.parse().ok());
    children.flat_map(|child| [vec![child], descendants(child)].concat()).collect()
}
