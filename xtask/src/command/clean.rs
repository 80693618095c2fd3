//! `clean`

use anyhow::Result;

use crate::build::Workspace;

pub fn run(workspace: &Workspace) -> Result<()> {
    if !workspace.out.exists() {
        return Ok(());
    }
    // Wait for another run to finish.
    let store = workspace.store()?;
    for entry in fs_err::read_dir(store.root())? {
        let path = entry?.path();
        if path.is_dir() {
            fs_err::remove_dir_all(path)?;
        }
    }
    workspace.console.note(&format!(
        "removed the contents of {}; kept the downloads in {}",
        workspace.out.display(),
        workspace.cache.display()
    ));
    Ok(())
}
