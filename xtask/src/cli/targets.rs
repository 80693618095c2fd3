//! The targets that a command line names.

use anyhow::Result;
use bringup_model::target::Target;

use super::TargetNames;
use crate::console::Console;
use crate::project::Project;

impl TargetNames {
    /// Reads the target files. Shows which musl and which Rust a release ships.
    pub fn read(&self, project: &Project, console: &Console) -> Result<Vec<Target>> {
        project.targets(&self.targets, self.release.as_deref(), |text| console.note(text))
    }
}
