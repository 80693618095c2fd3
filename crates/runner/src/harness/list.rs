//! Whether the list of a program's tests is complete: by the number at its end, and by the program's own file.

use std::collections::BTreeSet;

use crate::libtest;

/// The most names in one sentence.
const NAMED: usize = 3;

/// The tests of a program, and what is wrong with its list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CheckedList {
    /// Every test once: those of the program's file, if that is known, or else those of the list.
    pub names: Vec<String>,
    /// How the list contradicts itself or the file.
    pub contradictions: Vec<String>,
}

impl CheckedList {
    /// Checks what a program printed when it was asked for its tests. `file` has the tests that its file contains.
    pub fn new(output: &[u8], file: Option<Vec<String>>) -> Self {
        let listed = libtest::listed(output);
        let mut contradictions = Vec::new();
        match libtest::listed_count(output) {
            Some(count) if count != listed.len() => {
                contradictions.push(format!("it lists {} tests, and says that there are {count}", listed.len()));
            }
            Some(_) => {}
            None => contradictions.push("the number at the end of its list is missing".into()),
        }
        let mut seen = BTreeSet::new();
        let twice: Vec<&String> = listed.iter().filter(|name| !seen.insert(*name)).collect();
        if !twice.is_empty() {
            contradictions.push(format!("it lists {} twice", some(&twice)));
        }
        let once = |names: &[String]| {
            let mut seen = BTreeSet::new();
            names.iter().filter(|name| seen.insert((*name).clone())).cloned().collect::<Vec<_>>()
        };
        let Some(file) = file else { return Self { names: once(&listed), contradictions } };
        let known: BTreeSet<&String> = file.iter().collect();
        let lost: Vec<&String> = file.iter().filter(|name| !seen.contains(name)).collect();
        let strange: Vec<&String> = seen.iter().copied().filter(|name| !known.contains(name)).collect();
        if !lost.is_empty() {
            contradictions.push(format!("its file has {} tests that it does not list: {}", lost.len(), some(&lost)));
        }
        if !strange.is_empty() {
            let count = strange.len();
            contradictions.push(format!("it lists {count} tests that its file does not have: {}", some(&strange)));
        }
        if contradictions.is_empty() && listed != file {
            contradictions.push("it lists its tests in another order than that of its file".into());
        }
        Self { names: file, contradictions }
    }
}

fn some(names: &[&String]) -> String {
    let shown = names.iter().take(NAMED).map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    if names.len() > NAMED { format!("{shown}, …") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(output: &str, file: Option<&[&str]>) -> (Vec<String>, Vec<String>) {
        let file = file.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        let CheckedList { names, contradictions } = CheckedList::new(output.as_bytes(), file);
        (names, contradictions)
    }

    #[test]
    fn a_complete_list_is_taken_as_it_is() {
        let output = "a: test\nb: benchmark\nc: test\n\n2 tests, 1 benchmark\n";
        let names = ["a", "b", "c"];
        for file in [None, Some(&names[..])] {
            assert_eq!(check(output, file), (names.map(str::to_owned).into(), vec![]));
        }
        assert_eq!(check("0 tests, 0 benchmarks\n", None), (vec![], vec![]));
    }

    #[test]
    fn what_is_lost_repeated_or_moved_is_seen() {
        let file = ["a", "b", "c", "d", "e"];
        let end = "\n\n5 tests, 0 benchmarks\n";
        for (output, own, by_file) in [
            (format!("a: test\nc: test\nd: test\ne: test{end}"), 1, "its file has 1 tests that it does not list: b"),
            (
                "a: test\nb: test\n\n2 tests, 0 benchmarks\n".into(),
                0,
                "its file has 3 tests that it does not list: c, d, e",
            ),
            ("a: test\nb: test\nc: test\nd: test\ne: test\n".into(), 1, "the number at the end of its list is missing"),
            (format!("a: test\na: test\nb: test\nc: test\nd: test\ne: test{end}"), 2, "it lists a twice"),
            (
                format!("b: test\na: test\nc: test\nd: test\ne: test{end}"),
                0,
                "it lists its tests in another order than that of its file",
            ),
            (
                format!("a: test\nb: test\nc: test\nd: test\nx: test{end}"),
                0,
                "it lists 1 tests that its file does not have: x",
            ),
        ] {
            assert_eq!(check(&output, None).1.len(), own, "{output}");
            let (names, contradictions) = check(&output, Some(&file));
            assert_eq!(names, file, "{output}");
            assert!(contradictions.iter().any(|text| text == by_file), "{output}: {contradictions:?}");
        }
    }
}
