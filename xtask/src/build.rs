//! Building: the user's choice, the plan, the steps, and the folder of their results.

mod compiler;
mod layers;
pub mod manifest;
mod options;
mod plan;
mod series;
pub mod spec;
pub mod step;
pub mod store;
mod target_steps;
mod toolchains;
mod ui;
pub mod upstream;
mod workspace;

pub use self::layers::SourceParts;
pub use self::options::BuildChoice;
pub use self::plan::{CompilerSteps, FetchMode, Patched, Planned, Planner, TargetSettings};
pub use self::target_steps::{StepPair, TargetSteps};
pub use self::toolchains::Toolchains;
pub use self::ui::UiSteps;
pub use self::workspace::Workspace;
