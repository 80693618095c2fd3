//! `bringup`, `smoke` and `test`.

use std::ffi::OsStr;
use std::path::PathBuf;

use bringup_model::isolation::Isolation;
use bringup_model::link::Link;
use bringup_model::partition::Partition;
use bringup_model::runner_spec::RunnerSpec;
use bringup_model::suite;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;

use super::{RUN, TargetNames};

/// `bringup`
#[derive(Debug, Args)]
pub struct BringupArgs {
    #[command(flatten)]
    #[expect(missing_docs)]
    pub test: TestArgs,
    /// Install the missing tools first (requires root)
    #[arg(long)]
    pub setup: bool,
}

/// Link modes, runner and isolation of the target's programs.
#[derive(Debug, Args, Clone)]
pub struct RunArgs {
    /// Use these link modes [default: both]
    #[arg(long, value_enum, value_name = "MODE", value_delimiter = ',', help_heading = RUN)]
    pub link: Vec<Link>,
    /// Use this runner
    #[arg(long, value_name = "RUNNER", default_value = "qemu", value_parser = RunnerParser, help_heading = RUN)]
    pub runner: RunnerSpec,
    /// Pass this configuration file to ssh
    #[arg(long, value_name = "FILE", help_heading = RUN)]
    pub ssh_config: Option<PathBuf>,
    /// Use this emulator: a program, or a folder with qemu-ARCH
    #[arg(long, value_name = "PATH", help_heading = RUN)]
    pub qemu: Option<PathBuf>,
    /// Isolation level
    ///
    /// Test programs get what of it the kernel allows.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t, help_heading = RUN)]
    pub isolation: Isolation,
    /// Ignore recorded results and rerun every test
    #[arg(long, help_heading = RUN)]
    pub rerun: bool,
}

/// `smoke`
#[derive(Debug, Args)]
pub struct SmokeArgs {
    #[command(flatten)]
    #[expect(missing_docs)]
    pub targets: TargetNames,
    #[command(flatten)]
    #[expect(missing_docs)]
    pub run: RunArgs,
    /// Run the C corpus only
    ///
    /// It requires musl and the runtimes, so neither std nor libc++ is built.
    #[arg(long, conflicts_with = "crates", help_heading = RUN)]
    pub corpus: bool,
    /// Build and test these crates from the registry instead, or `all`
    ///
    /// The folder `ecosystem/` has a package for each. It tests the crate under the runner. Its lock file fixes the versions.
    #[arg(long, value_name = "CRATE", value_delimiter = ',', help_heading = RUN)]
    pub crates: Vec<String>,
}

/// Options of `test` and `bringup`.
#[derive(Debug, Args)]
pub struct TestArgs {
    #[command(flatten)]
    #[expect(missing_docs)]
    pub targets: TargetNames,
    /// Run these suites [default: all of the library's]
    ///
    /// `ui` holds those of rustc's own tests that run a program of the target, `ui-compile` the others. Both are slow and
    /// require `--compiler bootstrap`.
    #[arg(long, value_name = "SUITE", value_delimiter = ',', value_parser = PossibleValuesParser::new(suite::all()), help_heading = RUN)]
    pub suite: Vec<String>,
    #[command(flatten)]
    #[expect(missing_docs)]
    pub run: RunArgs,
    /// Run only tests whose name contains TEXT
    #[arg(long, value_name = "TEXT", help_heading = RUN)]
    pub filter: Option<String>,
    /// Run one part, slice:I/N or hash:I/N; `report merge` joins the parts
    ///
    /// `slice:2/4` is the second quarter of the list of tests. `hash:2/4` selects by a hash of each name.
    #[arg(long, value_name = "PART", help_heading = RUN)]
    pub partition: Option<Partition>,
    /// Run N tests at once in each process
    ///
    /// Processes run in parallel whatever N is.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..), help_heading = RUN)]
    pub test_threads: u16,
    /// Run each test N times, each time alone, and count the failures
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = RUN)]
    pub stress: Option<u16>,
}

/// `test`
#[derive(Debug, Args)]
pub struct TestVerb {
    #[command(flatten)]
    #[expect(missing_docs)]
    pub test: TestArgs,
    /// Run the test programs in an archive made by `archive`
    ///
    /// Builds nothing and requires no compiler.
    #[arg(long, value_name = "FILE", help_heading = RUN, conflicts_with = "release")]
    pub archive: Option<PathBuf>,
}

/// Reads a [`RunnerSpec`]; help and completions show its forms.
#[derive(Clone)]
struct RunnerParser;

impl TypedValueParser for RunnerParser {
    type Value = RunnerSpec;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<RunnerSpec, clap::Error> {
        let parser = |text: String| text.parse::<RunnerSpec>();
        let text = value.to_str().ok_or_else(|| clap::Error::new(ErrorKind::InvalidUtf8).with_cmd(command))?;
        TypedValueParser::parse_ref(
            &clap::builder::StringValueParser::new().try_map(parser),
            command,
            arg,
            text.as_ref(),
        )
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let forms = [
            ("qemu", "QEMU user-mode emulation"),
            ("native", "This machine, which must be of the target's architecture"),
            ("ssh:HOST", "Another machine of that architecture, by any name that ssh takes; suites only"),
        ];
        Some(Box::new(forms.into_iter().map(|(form, help)| PossibleValue::new(form).help(help))))
    }
}
