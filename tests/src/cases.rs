//! Many cases of one test: each is tried, and all that fail are reported.

use std::any::Any;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Checks every case, and fails once with the label and the message of each that panicked.
pub fn cases<L: Display, T>(cases: impl IntoIterator<Item = (L, T)>, mut check: impl FnMut(T)) {
    let mut failed = Vec::new();
    for (label, case) in cases {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(case))) {
            failed.push(format!("-- {label}\n{}", message(panic.as_ref())));
        }
    }
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panicked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_hides_no_other() {
        let mut seen = Vec::new();
        let mut check = |number: u32| {
            seen.push(number);
            assert!(number % 2 == 1, "{number} is even");
        };
        let all = AssertUnwindSafe(|| cases((1..=4).map(|number| (format!("case {number}"), number)), &mut check));
        let panic = catch_unwind(all).unwrap_err();
        assert_eq!(message(panic.as_ref()), "2 failed:\n-- case 2\n2 is even\n-- case 4\n4 is even");
        assert_eq!(seen, [1, 2, 3, 4]);
        cases([("odd", 1)], |number| assert_eq!(number, 1));
    }
}
