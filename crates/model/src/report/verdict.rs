//! The verdict of a run.

use serde::{Deserialize, Serialize};

use super::{SmokeCheck, Suite, Verdicts};

/// The verdict of a run, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunVerdict {
    /// Every result is as expected.
    Expected,
    /// A test is flaky and no expectation says so, or fails always although one calls it flaky.
    Flake,
    /// An expectation names a test that no test program lists.
    Stale,
    /// A result is better than expected.
    Improvement,
    /// A result is worse than expected.
    Regression,
    /// The run was interrupted, or a step failed.
    Incomplete,
}

impl RunVerdict {
    /// The verdict of a completed run: that of its worst result.
    pub fn of(smoke: &[SmokeCheck], suites: &[Suite]) -> Self {
        let failed = smoke.iter().any(|check| check.outcome.is_failure());
        let any = |count: fn(&Verdicts) -> usize| suites.iter().any(|suite| count(&suite.verdicts) > 0);
        if failed || any(|verdicts| verdicts.regression) {
            Self::Regression
        } else if any(|verdicts| verdicts.improvement) {
            Self::Improvement
        } else if any(|verdicts| verdicts.stale) {
            Self::Stale
        } else if any(Verdicts::unfit_flakes) {
            Self::Flake
        } else {
            Self::Expected
        }
    }

    /// The word in the report.
    pub fn word(self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::Flake => "flake",
            Self::Stale => "stale",
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

    #[test]
    fn the_worst_result_decides() {
        let check = |outcome| SmokeCheck { check: "static/hello".into(), outcome, detail: String::new(), values: 0 };
        let suite = |verdicts| Suite { verdicts, ..Suite::default() };
        let (good, bad) = (check(Outcome::Pass), check(Outcome::Fail));
        let regression = suite(Verdicts { regression: 1, ..Verdicts::default() });
        let stale = suite(Verdicts { stale: 1, ..Verdicts::default() });
        let flake = suite(Verdicts { flake: 1, ..Verdicts::default() });
        let constant = suite(Verdicts { flake: 1, constant: 1, ..Verdicts::default() });
        let better = suite(Verdicts { improvement: 1, ..Verdicts::default() });
        let unknown = suite(Verdicts { flake: 1, new_flakes: 1, ..Verdicts::default() });
        for (smoke, suites, expected) in [
            (vec![], vec![], RunVerdict::Expected),
            (vec![&good], vec![&flake], RunVerdict::Expected),
            (vec![&good], vec![&stale], RunVerdict::Stale),
            (vec![], vec![&flake, &unknown], RunVerdict::Flake),
            (vec![], vec![&flake, &constant], RunVerdict::Flake),
            (vec![], vec![&unknown, &stale, &better], RunVerdict::Improvement),
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
