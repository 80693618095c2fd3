//! `triage`.

use std::path::PathBuf;

use bringup_model::isolation::Isolation;
use bringup_model::link::Link;
use bringup_model::patch_name::PatchName;
use bringup_model::runner_spec::RunnerSpec;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::RUN;

/// `triage`
#[derive(Debug, Args)]
pub struct TriageArgs {
    /// Target on which the test fails
    pub target: String,
    /// Suite and name of the test, as in the report; `smoke` and the name of a check
    ///
    /// The suite is optional if the last report has the test.
    #[arg(value_name = "TEST", num_args = 1..=2)]
    pub test: Vec<String>,
    /// Triage every unexpected failure of the target in the last report, and its failed smoke programs
    #[arg(long, conflicts_with_all = ["test", "proof"])]
    pub all: bool,
    /// Triage the proof of this patch; `--without` leaves the patch out
    #[arg(long, value_name = "PATCH", conflicts_with = "test")]
    pub proof: Option<PatchName>,
    /// Link mode [default: as it failed]
    ///
    /// The default is that of the last report's failure, else dynamic.
    #[arg(long, value_enum, value_name = "MODE", help_heading = RUN)]
    pub link: Option<Link>,
    /// Runner [default: as it failed]
    ///
    /// The default is that of the last report's failure, else qemu.
    #[arg(long, value_name = "RUNNER", value_parser = runner(), help_heading = RUN)]
    pub runner: Option<RunnerSpec>,
    /// Use this emulator: a program, or a folder with qemu-ARCH [default: as it failed]
    #[arg(long, value_name = "PATH", help_heading = RUN)]
    pub qemu: Option<PathBuf>,
    /// Try this emulator too, as a control, beside those in bringup.toml
    #[arg(long, value_name = "PATH", help_heading = RUN)]
    pub control_qemu: Vec<PathBuf>,
    /// Isolation level
    ///
    /// The program gets what of it the kernel allows.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t, help_heading = RUN)]
    pub isolation: Isolation,
    /// Build more for the controls: other targets, and std for each of our patches
    #[arg(long)]
    pub deep: bool,
    /// Stop each run after this time [default: from the last report, else 60]
    ///
    /// The default is three times what the test took in the last report, at least 60, and at most the limit for a test in
    /// bringup.toml.
    #[arg(long, value_name = "SECONDS", help_heading = RUN, value_parser = clap::value_parser!(u16).range(1..))]
    pub limit: Option<u16>,
}

/// Parses the runners of this machine. Triage runs no tests on another machine.
fn runner() -> impl TypedValueParser<Value = RunnerSpec> {
    let forms =
        [("qemu", "QEMU user-mode emulation"), ("native", "The host itself, if it is of the target's architecture")];
    let forms = forms.map(|(form, help)| PossibleValue::new(form).help(help));
    PossibleValuesParser::new(forms).try_map(|text| text.parse::<RunnerSpec>())
}
