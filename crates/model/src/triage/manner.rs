//! How a test fails, as far as it is known.

use crate::outcome::Outcome;

/// How one run of a test failed. Two failures in different manners may have different causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manner {
    /// The kind of failure.
    pub outcome: Outcome,
    /// The message of the panic, the signal or the exit status, if known.
    pub reason: Option<String>,
    /// Where the test panicked: `library/std/src/fs/tests.rs:12:5`, if known.
    pub place: Option<String>,
}

impl Manner {
    /// The first line of the reason.
    pub fn line(&self) -> Option<&str> {
        self.reason.as_deref().and_then(|reason| reason.lines().next())
    }

    /// Whether a test failed in the same manner: as far as both are known, the kind, the reason and the place agree.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        let agree = |ours: Option<String>, theirs: Option<String>| match (ours, theirs) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        self.outcome == other.outcome
            && agree(self.line().map(shape), other.line().map(shape))
            && agree(self.place.clone(), other.place.clone())
    }
}

/// A message without its numbers and their units. Ports, addresses, process IDs and durations differ from run to run,
/// and error numbers from architecture to architecture.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let number = first.is_ascii_digit();
        let is_part = |(at, c): (usize, char)| {
            let decimal = c == '.' && number && rest[at + 1..].starts_with(|next: char| next.is_ascii_digit());
            c.is_alphanumeric() || decimal
        };
        let end = rest.char_indices().find(|it| !is_part(*it)).map_or(rest.len(), |(at, _)| at);
        let (word, after) = rest.split_at(end.max(first.len_utf8()));
        shape.push_str(if number { "#" } else { word });
        rest = after;
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manner(outcome: Outcome, reason: &str, place: &str) -> Manner {
        let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Manner { outcome, reason: known(reason), place: known(place) }
    }

    #[test]
    fn what_is_known_of_both_must_agree() {
        let ours = manner(Outcome::Fail, "Os { code: 38, kind: Unsupported }\nmore", "a.rs:1:2");
        for (other, alike) in [
            (manner(Outcome::Fail, "Os { code: 89, kind: Unsupported }", "a.rs:1:2"), true),
            (manner(Outcome::Fail, "", ""), true),
            (manner(Outcome::Fail, "", "a.rs:1:2"), true),
            (manner(Outcome::Fail, "Os { code: 38, kind: NotFound }", "a.rs:1:2"), false),
            (manner(Outcome::Fail, "Os { code: 38, kind: Unsupported }", "a.rs:9:2"), false),
            (manner(Outcome::Crash, "", ""), false),
        ] {
            assert_eq!((ours.is_alike(&other), other.is_alike(&ours)), (alike, alike), "{other:?}");
        }
        let signal = |name: &str| manner(Outcome::Crash, name, "");
        assert!(!signal("SIGSEGV").is_alike(&signal("SIGILL")));
    }

    #[test]
    fn numbers_do_not_tell_failures_apart() {
        assert_eq!(shape("at 0x7f00a1: 12.5 of u32, 127.0.0.1:43_000"), shape("at 0x1: 3.25 of u32, 10.1.2.3:80_1"));
        assert_ne!(shape("left: 1"), shape("right: 1"));
        assert_eq!(shape("no end within 1 s"), "no end within # s");
        assert_eq!(shape("slept for 1.000124s, not 2ms"), shape("slept for 999.7µs, not 1.5s"));
        assert_eq!(shape("ü. x.5 v1.2"), "ü. x.# v1.#");
    }
}
