//! What a control changes in the build: the opt-level, or the patches.

use anyhow::Result;
use bringup_model::pins::{LIBCXX, LIBRARY};
use bringup_model::series::Series;

use crate::build::step::Plan;
use crate::build::{FetchMode, Patched, Planner};

/// How the programs of a control are built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Variant {
    /// The opt-level of std and the test; none for the default.
    pub opt_level: Option<&'static str>,
    /// The patches that are applied; none for all.
    pub patches: Option<PatchCounts>,
    /// Whether only musl is built anew. The program and std stay as they are, and run with its libc.so.
    pub relinked: bool,
}

/// How many patches of each series are applied, from the first on. The first patches of a series apply without the later
/// ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PatchCounts {
    pub llvm: usize,
    pub musl: usize,
    /// Of std's layer. The compiler's patches stay: each control would build a compiler.
    pub rust: usize,
}

impl PatchCounts {
    pub fn total(self) -> usize {
        self.llvm + self.musl + self.rust
    }

    /// The first `count` of these patches: LLVM's, then musl's, then std's.
    pub fn first(self, count: usize) -> Self {
        let llvm = count.min(self.llvm);
        let musl = (count - llvm).min(self.musl);
        Self { llvm, musl, rust: (count - llvm - musl).min(self.rust) }
    }
}

/// The patches in use, without the compiler's.
pub struct PatchesInUse {
    llvm: Series,
    musl: Series,
    rust: Series,
}

impl PatchesInUse {
    pub fn read(planner: &Planner<'_>) -> Result<Self> {
        let [rust, musl, llvm, _] = planner.series_in_use()?;
        let [rust_source, musl_source, llvm_source, _] = planner.project.sources();
        let rust = rust.within(&rust_source.with_layers(|layer| layer == LIBRARY));
        let llvm = llvm.within(&llvm_source.with_layers(|layer| layer != LIBCXX));
        Ok(Self { llvm, musl: musl.within(musl_source), rust })
    }

    pub fn counts(&self) -> PatchCounts {
        let [llvm, musl, rust] = [&self.llvm, &self.musl, &self.rust].map(|series| series.patches.len());
        PatchCounts { llvm, musl, rust }
    }

    /// The patches beyond these counts, each as `musl/0001-title.patch`, in the order of [`PatchCounts::first`].
    pub fn left_out(&self, counts: PatchCounts) -> Vec<String> {
        let beyond = |series: &Series, count: usize| -> Vec<String> {
            series.patches[count..].iter().map(|patch| format!("{}/{}", series.source, patch.file)).collect()
        };
        [beyond(&self.llvm, counts.llvm), beyond(&self.musl, counts.musl), beyond(&self.rust, counts.rust)].concat()
    }

    /// Adds the steps of the sources with only the first patches. The compiler stays that of `usual`.
    pub fn plan(&self, planner: &Planner<'_>, plan: &mut Plan, counts: PatchCounts, usual: Patched) -> Result<Patched> {
        let [rust, musl, llvm, _] = planner.project.sources();
        let library = rust.with_layers(|layer| layer == LIBRARY);
        let runtimes = llvm.with_layers(|layer| layer != LIBCXX);
        let mut add = |source, series: &Series, count: usize| {
            let series = Series { patches: series.patches[..count].to_vec(), ..series.clone() };
            Ok::<_, anyhow::Error>(plan.add(planner.patch_step(source, &series, FetchMode::Fetch)?))
        };
        Ok(Patched {
            rust: add(&library, &self.rust, counts.rust)?,
            musl: add(musl, &self.musl, counts.musl)?,
            llvm: add(&runtimes, &self.llvm, counts.llvm)?,
            ..usual
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_patches_are_those_that_are_applied_first() {
        let all = PatchCounts { llvm: 2, musl: 1, rust: 3 };
        let firsts: Vec<[usize; 3]> = (0..=all.total())
            .map(|count| all.first(count))
            .map(|PatchCounts { llvm, musl, rust }| [llvm, musl, rust])
            .collect();
        let expected = [[0, 0, 0], [1, 0, 0], [2, 0, 0], [2, 1, 0], [2, 1, 1], [2, 1, 2], [2, 1, 3]];
        assert_eq!(firsts, expected);
    }
}
