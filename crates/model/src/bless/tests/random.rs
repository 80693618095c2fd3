//! Files and reports at random: what holds for all of them.

use super::*;

/// A sequence of numbers without a pattern that a test would follow.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }
}

/// Entries in blocks, with comments and blank lines in between; often no sound file.
fn some_file(numbers: &mut Numbers) -> String {
    let mut file = numbers.of(&["", "# about\n\n"]).to_owned();
    for number in 0..numbers.below(4) {
        let comments = ["", "# Reason: x\n", "\n# Bug: y\n# Since: z\n", "\n\n# Reason: TODO\n", "\n# Reason: x\n"];
        file += numbers.of(&comments[usize::from(number == 0)..]);
        let (test, word) = match numbers.below(8) {
            0 => (numbers.of(&["b*", "gone*"]), numbers.of(&["flake", "skip"])),
            _ => (
                numbers.of(&["a", "b", "c", "d", "bb", "gone"]),
                numbers.of(&["fail", "crash", "timeout", "flake", "skip"]),
            ),
        };
        let conditions =
            ["", "", "", "  link=static", " link=dynamic", "  runner=native", " qemu<11", "  qemu>=11  spawn=yes"];
        file +=
            ["std  ", test, "\t ", word, numbers.of(&conditions), numbers.of(&["\n", "\n", "  \n"])].concat().as_str();
    }
    file
}

/// Whether what both have of lines is in the same order.
fn keeps_order(old: &str, new: &str) -> bool {
    let mut rest = old.lines();
    new.lines().filter(|line| old.lines().any(|other| other == *line)).all(|line| rest.any(|other| other == line))
}

#[test]
fn whatever_there_is_blessing_it_makes_it_expected_once_and_for_all() {
    let mut numbers = Numbers(5);
    let (mut sound, mut changed) = (0, 0);
    for _ in 0..3000 {
        let given = ["qemu/all", "qemu/one", "one", "two"].map(|name| (name, some_file(&mut numbers)));
        let given: Vec<(&str, &str)> = given.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let files = files(&given);
        if TARGETS.iter().any(|target| observe::expectations(&files, target).is_err()) {
            continue;
        }
        sound += 1;
        let mut runs = Vec::new();
        for name in
            ["one qemu dynamic", "one qemu static", "one native static", "two qemu dynamic", "two qemu static part"]
        {
            if numbers.below(4) > 0 {
                let what = ["pass", "pass", "fail", "crash", "timeout", "2/4", "ignored", "skip", "missing"];
                let tests = ["a", "b", "c", "d", "bb"].map(|test| format!("{test}:{}", numbers.of(&what))).join(" ");
                runs.push((name, tests));
            }
        }
        let runs: Vec<(&str, &str)> = runs.iter().map(|(name, tests)| (*name, tests.as_str())).collect();
        let report = report(&runs);
        // That the files can be read and make everything expected but what is left is checked within.
        let context = format!("{given:?}\n{runs:?}");
        let layer = if numbers.below(2) == 0 { Layer::Target } else { Layer::Emulator };
        let blessing = bless_both(&files, &report, layer).unwrap_or_else(|error| panic!("{error}\n{context}"));
        changed += usize::from(!blessing.files.is_empty());
        let skips =
            |text: &str| text.lines().filter(|line| line.contains("skip")).map(str::to_owned).collect::<Vec<_>>();
        let mut after = files.clone();
        for new in blessing.files {
            let old = after.iter_mut().find(|file| file.name == new.name).unwrap();
            assert!(
                keeps_order(old.text.trim_end(), new.text.split("\n\n# Reason: TODO").next().unwrap()),
                "{context}"
            );
            assert!(skips(&new.text).iter().all(|line| skips(&old.text).contains(line)), "{context}");
            *old = new;
        }
        let again = bless_both(&after, &report, layer).unwrap();
        assert_eq!((again.files, again.unblessed), (vec![], blessing.unblessed), "{context}");
    }
    assert!(sound > 500 && changed > 300, "{sound} sound, {changed} changed");
}
