//! The order of a suite's work: which tests each process gets, so that all processors have work to the end.
//!
//! Tests that are known to be slow, by their limits or by the last run, start first, each in its own process. The
//! others follow in the order of their names, so that one emulator translates the code that the tests of a module
//! share. Each process gets less of the remaining work than the one before, so that the last ones end at about the same
//! time.

/// The least work, in seconds, that is worth a process of its own: an emulator takes up to 0.1 s to start and to
/// translate what every test program runs.
const SMALLEST_S: f64 = 1.0;

/// What makes a test slow, as a part of the work of one job, and in seconds. With recorded durations of core, alloc and
/// std on two jobs, a larger part lets the suite end later, and a smaller one takes more processes and gains nothing.
const SLOW_PART: f64 = 0.1;
const SLOW_S: f64 = 2.0;

/// The fewest tests of a process if it is not known how long they take.
const SMALLEST: usize = 16;

/// The most bytes of test names on one command line, with room below the kernel's limit.
const ARGS_LIMIT: usize = 100_000;

/// Tests of one program that may share a process.
#[derive(Debug)]
pub(super) struct Pile {
    /// The index of the program.
    pub program: usize,
    /// Names in the program; none if the program is one test.
    pub tests: Vec<String>,
    /// Whether they must all be in one process.
    pub together: bool,
    /// Whether their limits are higher than usual.
    pub slow: bool,
}

/// The work of one process, which a worker takes from the queue.
#[derive(Debug, PartialEq)]
pub(super) enum Batch {
    /// The index of the program, its tests, and whether no other such batch may run at the same time.
    Tests(usize, Vec<String>, bool),
    /// The index of a program that is one test.
    Whole(usize),
}

/// The remaining work, largest first.
pub(super) struct Queue {
    piles: Vec<Weighed>,
    jobs: usize,
    known: bool,
}

/// A pile, and how long its tests are expected to take.
struct Weighed {
    program: usize,
    together: bool,
    known_slow: bool,
    /// Slowest first; each is a process.
    slow: Vec<(f64, String)>,
    /// The others, in the order in which they are taken.
    rest: std::collections::VecDeque<(f64, String)>,
    weight: f64,
}

impl Queue {
    /// `seconds` says how long a program's test took before.
    pub fn new(piles: Vec<Pile>, jobs: usize, seconds: &dyn Fn(usize, &str) -> Option<f64>) -> Self {
        let of_pile =
            |pile: &Pile| pile.tests.iter().filter_map(|test| seconds(pile.program, test)).collect::<Vec<f64>>();
        let known: Vec<f64> = piles.iter().flat_map(of_pile).collect();
        let mean = if known.is_empty() { 1.0 } else { known.iter().sum::<f64>() / as_f64(known.len()) };
        let total: f64 = known.iter().sum();
        let mut queue = Self { piles: Vec::new(), jobs, known: !known.is_empty() };
        // A test this long decides when the suite ends.
        let slow = (SLOW_PART * total / as_f64(jobs)).max(SLOW_S);
        for pile in piles {
            let weigh = |test: String| (seconds(pile.program, &test).unwrap_or(mean), test);
            let mut tests: Vec<(f64, String)> = pile.tests.into_iter().map(weigh).collect();
            if queue.known {
                tests.sort_by(|a, b| a.1.cmp(&b.1));
            } else {
                // Slow tests are neighbours by name: spread them over all processes.
                tests.sort_by_cached_key(|(_, name)| hash(name));
            }
            let weight = tests.iter().map(|(seconds, _)| seconds).sum();
            let alone = |test: &(f64, String)| queue.known && !pile.together && test.0 >= slow;
            let (mut slow, rest): (Vec<_>, Vec<_>) = tests.into_iter().partition(alone);
            slow.sort_by(|a, b| a.0.total_cmp(&b.0));
            let Pile { program, together, slow: known_slow, .. } = pile;
            queue.piles.push(Weighed { program, together, known_slow, slow, rest: rest.into(), weight });
        }
        queue
    }

    /// The work of the next process; `None` when everything is taken.
    pub fn next(&mut self) -> Option<Batch> {
        // What cannot be divided starts first: started last, it would keep all others waiting.
        let is_whole = |pile: &Weighed| pile.together || (pile.slow.is_empty() && pile.rest.is_empty());
        let slowest = |pile: &Weighed| pile.slow.last().map_or(0.0, |(seconds, _)| *seconds);
        let order = |a: &&(usize, &Weighed), b: &&(usize, &Weighed)| {
            let (a, b) = (a.1, b.1);
            let whole = is_whole(a).cmp(&is_whole(b)).then(a.known_slow.cmp(&b.known_slow));
            whole.then(slowest(a).total_cmp(&slowest(b))).then(a.weight.total_cmp(&b.weight))
        };
        let piles: Vec<(usize, &Weighed)> = self.piles.iter().enumerate().collect();
        let index = piles.iter().max_by(order)?.0;
        let pile = &self.piles[index];
        if is_whole(pile) && pile.rest.is_empty() {
            return Some(Batch::Whole(self.piles.swap_remove(index).program));
        }
        let (most, seconds) = if pile.together || self.jobs == 1 {
            (usize::MAX, f64::INFINITY)
        } else if self.known {
            (usize::MAX, self.share(pile.weight).max(SMALLEST_S))
        } else {
            let smallest = if pile.known_slow { 1 } else { SMALLEST };
            ((pile.rest.len() / (2 * self.jobs)).max(smallest), f64::INFINITY)
        };
        let pile = &mut self.piles[index];
        let tests = pile.take(most, seconds);
        let (program, together) = (pile.program, pile.together);
        if pile.slow.is_empty() && pile.rest.is_empty() {
            self.piles.swap_remove(index);
        }
        Some(Batch::Tests(program, tests, together))
    }

    /// The share of the remaining work that one process gets.
    fn share(&self, work: f64) -> f64 {
        work / (2.0 * as_f64(self.jobs))
    }
}

impl Weighed {
    /// The slowest test, or else the next `most` tests or `seconds` of work, as far as they fit on a command line.
    fn take(&mut self, most: usize, seconds: f64) -> Vec<String> {
        let mut taken = Vec::new();
        let (mut work, mut bytes) = (0.0, 0);
        if let Some((seconds, test)) = self.slow.pop() {
            work = seconds;
            taken.push(test);
        } else {
            while let Some((weight, name)) = self.rest.front()
                && (taken.is_empty() || (taken.len() < most && work < seconds && bytes + name.len() < ARGS_LIMIT))
            {
                work += *weight;
                bytes += name.len() + 1;
                taken.extend(self.rest.pop_front().map(|(_, name)| name));
            }
        }
        self.weight -= work;
        // The harness runs them in this order.
        taken.sort();
        taken
    }
}

fn hash(name: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

#[expect(clippy::cast_precision_loss, reason = "there are not that many")]
fn as_f64(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pile(program: usize, tests: &[&str], together: bool) -> Pile {
        Pile { program, tests: tests.iter().map(|&test| test.to_owned()).collect(), together, slow: false }
    }

    fn drain(mut queue: Queue) -> Vec<Batch> {
        std::iter::from_fn(|| queue.next()).collect()
    }

    fn names(jobs: &[Batch]) -> Vec<String> {
        let mut names: Vec<String> = jobs
            .iter()
            .flat_map(|job| match job {
                Batch::Tests(_, tests, _) => tests.clone(),
                Batch::Whole(program) => vec![format!("whole {program}")],
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn slow_tests_go_first_and_everything_goes_once() {
        let names_of: Vec<String> = (0..40).map(|number| format!("t{number:02}")).collect();
        let all: Vec<&str> = names_of.iter().map(String::as_str).collect();
        let seconds = |_: usize, test: &str| {
            Some(if test == "t17" {
                30.0
            } else if test == "t03" {
                50.0
            } else {
                0.5
            })
        };
        let jobs = drain(Queue::new(vec![pile(0, &all, false)], 2, &seconds));
        assert_eq!(jobs[0], Batch::Tests(0, vec!["t03".into()], false));
        assert_eq!(jobs[1], Batch::Tests(0, vec!["t17".into()], false));
        assert_eq!(names(&jobs), names_of);
        // Neighbours stay together, and the last processes are the shortest.
        let sizes: Vec<usize> = jobs[2..].iter().map(|job| names(std::slice::from_ref(job)).len()).collect();
        assert!(sizes.windows(2).all(|two| two[0] >= two[1]) && sizes[0] > 2, "{sizes:?}");
        assert!(matches!(&jobs[2], Batch::Tests(_, tests, _) if tests[..3] == ["t00", "t01", "t02"]), "{jobs:?}");
    }

    #[test]
    fn without_a_record_the_slices_are_even() {
        let names_of: Vec<String> = (0..100).map(|number| format!("t{number:02}")).collect();
        let all: Vec<&str> = names_of.iter().map(String::as_str).collect();
        let jobs = drain(Queue::new(vec![pile(0, &all, false)], 2, &|_, _| None));
        assert_eq!(names(&jobs), names_of);
        let sizes: Vec<usize> = jobs.iter().map(|job| names(std::slice::from_ref(job)).len()).collect();
        assert_eq!(sizes, [25, 18, 16, 16, 16, 9]);
    }

    #[test]
    fn tests_whose_limits_say_that_they_are_slow_go_first() {
        let piles = || vec![pile(0, &["a", "b", "c"], false), Pile { slow: true, ..pile(0, &["d", "e"], false) }];
        let jobs = drain(Queue::new(piles(), 2, &|_, _| None));
        assert_eq!(names(&jobs[..2]), ["d", "e"]);
        assert!(jobs[..2].iter().all(|job| names(std::slice::from_ref(job)).len() == 1), "{jobs:?}");
        let jobs = drain(Queue::new(piles(), 1, &|_, test| Some(if test == "a" { 2.5 } else { 0.1 })));
        assert_eq!(names(&jobs[..1]), ["d", "e"]);
        assert_eq!(jobs[1], Batch::Tests(0, vec!["a".into()], false));
    }

    #[test]
    fn what_cannot_be_divided_goes_first_and_in_one() {
        let piles = || vec![pile(0, &["a", "b"], false), pile(1, &[], false), pile(2, &["n::a", "n::b"], true)];
        let seconds = |_: usize, test: &str| (test == "b").then_some(100.0);
        for seconds in [&seconds as &dyn Fn(usize, &str) -> Option<f64>, &|_, _| None] {
            let jobs = drain(Queue::new(piles(), 2, seconds));
            assert!(jobs[..2].contains(&Batch::Whole(1)), "{jobs:?}");
            assert!(jobs[..2].contains(&Batch::Tests(2, vec!["n::a".into(), "n::b".into()], true)), "{jobs:?}");
            assert_eq!(names(&jobs), ["a", "b", "n::a", "n::b", "whole 1"]);
        }
    }

    #[test]
    fn command_lines_stay_short() {
        let long = "x".repeat(999);
        let names_of: Vec<String> = (0..300).map(|number| format!("{long}{number}")).collect();
        let all: Vec<&str> = names_of.iter().map(String::as_str).collect();
        let jobs = drain(Queue::new(vec![pile(0, &all, false)], 1, &|_, _| None));
        assert_eq!(jobs.len(), 4);
        assert_eq!(names(&jobs).len(), 300);
    }
}
