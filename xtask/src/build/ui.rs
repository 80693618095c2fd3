//! rustc's own tests: whether they can run, and the steps that they require besides a toolchain.

use anyhow::{Context as _, Result};
use bringup_model::compiler::{Compiler, CompilerBuild, Llvm};
use bringup_model::digest::Inputs;
use bringup_model::exit::{self, CodedError};
use bringup_model::target::Target;
use bringup_runner::harness::compiletest::UiTests;

use super::plan::{CompilerSteps, Planned, Planner};
use super::target_steps::TargetSteps;
use crate::build::step::compiletest::{CompiletestStep, PROGRAM};
use crate::build::step::test_helpers::{CCompiler, TestHelpersStep};
use crate::build::step::ui_sysroot::UiSysrootStep;
use crate::build::step::{Plan, StepId};

/// The steps that rustc's own tests require for one target.
#[derive(Debug, Clone, Copy)]
pub struct UiSteps {
    /// The compiler's source.
    source: StepId,
    /// The toolchain, with the source of std.
    toolchain: StepId,
    /// compiletest.
    compiletest: StepId,
    /// The step `test_helpers`, for the host and for the target.
    helpers: [StepId; 2],
}

impl UiSteps {
    /// The steps whose results the tests use. The source is among their inputs.
    pub fn wanted(self) -> [StepId; 4] {
        let [host, target] = self.helpers;
        [self.toolchain, self.compiletest, host, target]
    }
}

impl Planner<'_> {
    /// How the compiler is built. Fails with the stock compiler, because the tests come from the compiler's patched
    /// source.
    pub fn check_ui(&self) -> Result<CompilerBuild> {
        match self.options.compiler {
            Compiler::Bootstrap(making) => Ok(making),
            Compiler::Stock => Err(CodedError::error(
                exit::USAGE,
                "rustc's own tests require a compiler that is built from the same patched source\nhint: add --compiler bootstrap",
            )),
        }
    }

    /// Adds the steps of rustc's own tests for one target of the plan.
    pub fn plan_ui(&self, planned: &mut Planned, target: &Target, steps: TargetSteps) -> Result<UiSteps> {
        let host = self.host()?;
        let of_compiler = planned.patched.compiler.context("there is no compiler in the plan")?;
        let plan = &mut planned.plan;
        let CompilerSteps { source, locked, .. } = of_compiler;
        let rust = host.rust.clone();
        let (label, library) = (target.name.clone(), planned.patched.rust);
        let toolchain = plan.add(UiSysrootStep { label, toolchain: steps.toolchain, source: library });
        let compiletest = plan.add(CompiletestStep { rust, source, locked, cargo_home: self.workspace.cargo_home() });
        let ar = host.path("llvm-ar")?.to_owned();
        let of_host = CCompiler::Host(host.tool("clang")?.clone());
        let of_target = CCompiler::Target { toolchain: steps.toolchain, driver: target.driver() };
        let compilers = [(&host.rust.triple, of_host), (&target.name, of_target)];
        let helpers =
            compilers.map(|(label, cc)| plan.add(TestHelpersStep { label: label.clone(), cc, ar: ar.clone(), source }));
        Ok(UiSteps { source, toolchain, compiletest, helpers })
    }

    /// The tests, as paths to the results of these steps. The results need not be built yet.
    pub fn ui_tests(&self, plan: &Plan, target: &Target, steps: UiSteps) -> Result<UiTests> {
        let making = self.check_ui()?;
        let UiSteps { source, toolchain, compiletest, helpers } = steps;
        let inputs = steps.wanted().iter().fold(Inputs::new(), |inputs, &id| {
            let node = plan.node(id);
            inputs.add(&node.title(), node.digest.as_str())
        });
        Ok(UiTests {
            digest: inputs.digest().as_str().to_owned(),
            program: plan.path(compiletest).join(PROGRAM),
            source: plan.path(source).to_owned(),
            toolchain: plan.path(toolchain).to_owned(),
            triple: target.triple.clone(),
            host: self.host()?.rust.triple.clone(),
            helpers: helpers.map(|id| plan.path(id).to_owned()),
            components: self.components(making)?,
            system_llvm: making.llvm == Llvm::System,
        })
    }

    /// The components of the compiler's LLVM, for `needs-llvm-components`: its back ends in lower case.
    fn components(&self, making: CompilerBuild) -> Result<String> {
        let names = match making.llvm {
            Llvm::System => super::compiler::backends_built(self.host()?.path("llvm-config")?)?,
            Llvm::Bundled => {
                super::compiler::backends(&crate::project::config::targets(&self.project.root, &[])?)?.join(" ")
            }
        };
        Ok(names.to_lowercase())
    }
}
