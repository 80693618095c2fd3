//! What becomes of our children's children when Bringup is killed with SIGKILL.
//!
//! The kernel takes care of the children themselves, but not of a compiler that make has started: it would go on
//! writing where the next run cleans up. So a shell outside of all our groups is told of every group, and kills those
//! that are left when its input ends, which is when we do.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStdin, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::process::Pid;

/// Keeps the list of groups; each word on its input adds or takes away one.
const SCRIPT: &str = "trap '' INT TERM HUP
groups=' '
while read -r word; do
    case $word in
    +*) groups=\"$groups${word#+} \" ;;
    *) groups=\"${groups%% ${word#-} *} ${groups#* ${word#-} }\" ;;
    esac
done
for group in $groups; do kill -KILL -$group; done";

/// Tells of a group that has started.
pub fn started(group: Pid) {
    tell('+', group);
}

/// Tells of a group that has ended.
pub fn ended(group: Pid) {
    tell('-', group);
}

fn tell(sign: char, group: Pid) {
    static SHELL: OnceLock<Option<Mutex<ChildStdin>>> = OnceLock::new();
    if let Some(shell) = SHELL.get_or_init(|| start().map(Mutex::new)) {
        // Without the shell only the case of SIGKILL is worse: nothing to end a run for.
        let mut input = shell.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = input.write_all(format!("{sign}{}\n", group.as_raw_nonzero()).as_bytes());
    }
}

#[expect(clippy::disallowed_methods, reason = "it must outlive us, unlike whatever exec.rs starts")]
fn start() -> Option<ChildStdin> {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", SCRIPT]).env_clear().env("PATH", super::PATH).current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command.spawn().ok()?.stdin.take()
}
