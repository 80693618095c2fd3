//! The steps of one target.

use bringup_model::suite;

use super::step::StepId;

/// The steps of one target.
#[derive(Debug, Clone, Copy)]
pub struct TargetSteps {
    /// The runtimes: the builtins, the unwinder and others.
    pub runtimes: StepId,
    /// The kernel's headers.
    pub kernel_headers: StepId,
    /// The sysroot: everything but std, which is enough for C.
    pub sysroot: StepId,
    /// The toolchain.
    pub toolchain: StepId,
    /// The test programs of each library suite, in the order of [`suite::LIBRARY`].
    pub test_programs: [StepId; suite::LIBRARY.len()],
}

impl TargetSteps {
    /// The steps with the test programs of those of these suites that are library suites.
    pub fn test_programs_of(&self, suites: &[String]) -> Vec<StepId> {
        let steps = suite::library().into_iter().zip(self.test_programs);
        steps.filter(|(name, _)| suites.iter().any(|suite| suite == name)).map(|(_, step)| step).collect()
    }
}

/// The steps whose builtins are compared.
#[derive(Debug, Clone, Copy)]
pub struct StepPair {
    /// The target's own.
    pub runtimes: StepId,
    /// Upstream's.
    pub upstream: StepId,
}
