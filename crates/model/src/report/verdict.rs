//! The verdict of a run.

use serde::{Deserialize, Serialize};

use super::{SmokeCheck, Suite};

/// The verdict of a run, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunVerdict {
    /// Every result is as expected.
    Expected,
    /// No regressions, but the expectation files are out of date.
    Improvement,
    /// A result is worse than expected.
    Regression,
    /// The run was interrupted, or a step failed.
    Incomplete,
}

impl RunVerdict {
    /// The verdict of a completed run: that of its worst result. An outdated expectation, or a flake without one, counts as
    /// an improvement.
    pub fn of(smoke: &[SmokeCheck], suites: &[Suite]) -> Self {
        let failed = smoke.iter().any(|check| check.outcome.is_failure());
        if failed || suites.iter().any(|suite| suite.verdicts.regression > 0) {
            Self::Regression
        } else if suites.iter().any(|suite| suite.verdicts.outdated() > 0) {
            Self::Improvement
        } else {
            Self::Expected
        }
    }

    /// The word in the report.
    pub fn word(self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::Improvement => "improvement",
            Self::Regression => "regression",
            Self::Incomplete => "incomplete",
        }
    }
}

impl std::fmt::Display for RunVerdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;
    use crate::report::Verdicts;

    #[test]
    fn the_worst_result_decides() {
        let check = |outcome| SmokeCheck { check: "static/hello".into(), outcome, detail: String::new(), values: 0 };
        let suite = |verdicts| Suite { verdicts, ..Suite::default() };
        let (good, bad) = (check(Outcome::Pass), check(Outcome::Fail));
        let regression = suite(Verdicts { regression: 1, ..Verdicts::default() });
        let stale = suite(Verdicts { stale: 1, ..Verdicts::default() });
        let flake = suite(Verdicts { flake: 1, ..Verdicts::default() });
        let unknown = suite(Verdicts { flake: 1, new_flakes: 1, ..Verdicts::default() });
        for (smoke, suites, expected) in [
            (vec![], vec![], RunVerdict::Expected),
            (vec![&good], vec![&flake], RunVerdict::Expected),
            (vec![&good], vec![&stale], RunVerdict::Improvement),
            (vec![], vec![&flake, &unknown], RunVerdict::Improvement),
            (vec![&good], vec![&stale, &regression], RunVerdict::Regression),
            (vec![&good, &bad], vec![], RunVerdict::Regression),
        ] {
            let smoke: Vec<SmokeCheck> = smoke.into_iter().cloned().collect();
            let suites: Vec<Suite> = suites.into_iter().cloned().collect();
            assert_eq!(RunVerdict::of(&smoke, &suites), expected);
        }
        assert!(RunVerdict::Regression < RunVerdict::Incomplete);
    }
}
