//! targets/alpine.toml: which Alpine release ships which targets, which musl and which Rust.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::version::Version;

/// alpine.toml as parsed, before validation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasesFile {
    releases: Vec<ReleaseFile>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReleaseFile {
    version: String,
    musl: Option<String>,
    rust: Option<String>,
    targets: Vec<String>,
}

/// The name of a release: `3.14`, or `edge`, which is the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReleaseName {
    /// A stable series by major and minor number, with all its point releases.
    Stable(u32, u32),
    /// The rolling branch.
    Edge,
}

/// One release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The release's name.
    pub name: ReleaseName,
    /// Version of its musl package without the package revision; nothing if unknown.
    pub musl: Option<String>,
    /// Version of its Rust package, perhaps without the last number; nothing if unknown.
    pub rust: Option<String>,
    /// The targets that the release ships; at least one.
    pub targets: Vec<String>,
}

/// All releases, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Releases(Vec<Release>);

/// The consecutive releases that ship a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseSpan {
    /// The first release.
    pub since: ReleaseName,
    /// The last release; nothing if the newest release ships the target.
    pub until: Option<ReleaseName>,
}

impl FromStr for ReleaseName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let stable = || {
            let (major, minor) = text.split_once('.')?;
            let name = Self::Stable(major.parse().ok()?, minor.parse().ok()?);
            // Each name has one spelling, although `+3` and `014` also parse as numbers.
            (name.to_string() == text).then_some(name)
        };
        if text == "edge" { Some(Self::Edge) } else { stable() }
            .ok_or_else(|| format!("`{text}` is not a release of Alpine: expected e.g. 3.14, or edge"))
    }
}

impl fmt::Display for ReleaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stable(major, minor) => write!(f, "{major}.{minor}"),
            Self::Edge => f.write_str("edge"),
        }
    }
}

/// `3.6 on`, `3.12 to 3.14`
impl fmt::Display for ReleaseSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.until {
            Some(until) => write!(f, "{} to {until}", self.since),
            None => write!(f, "{} on", self.since),
        }
    }
}

impl ReleasesFile {
    /// Checks the rules that serde cannot express.
    ///
    /// # Errors
    ///
    /// Returns one sentence, without the file's name, about the first release that breaks a rule.
    pub fn validate(self) -> Result<Releases, String> {
        let mut releases: Vec<Release> = Vec::new();
        for ReleaseFile { version, musl, rust, targets } in self.releases {
            let name: ReleaseName = version.parse().map_err(|error| format!("version: {error}"))?;
            if let Some(last) = releases.last().filter(|last| last.name >= name) {
                return Err(format!(
                    "version: {name} comes after {}; expected each release once, oldest first",
                    last.name
                ));
            }
            if targets.is_empty() {
                return Err(format!("targets: release {name} has none"));
            }
            if let Some(twice) = targets.iter().enumerate().find(|(at, target)| targets[..*at].contains(target)) {
                return Err(format!("targets: release {name} has `{}` twice", twice.1));
            }
            if let Some(Err(error)) = rust.as_ref().map(|rust| rust.parse::<Version>()) {
                return Err(format!("rust: release {name}: {error}"));
            }
            releases.push(Release { name, musl, rust, targets });
        }
        let releases = Releases(releases);
        for target in releases.targets() {
            // `since` and `until` in target.toml cannot describe a gap.
            if let Some((gap, span)) = releases.gap(target) {
                return Err(format!("targets: release {gap} lacks `{target}`, which {span} has"));
            }
        }
        Ok(releases)
    }
}

impl Releases {
    /// Their names, oldest first.
    pub fn names(&self) -> impl Iterator<Item = ReleaseName> {
        self.0.iter().map(|release| release.name)
    }

    /// The release with this name.
    pub fn get(&self, name: ReleaseName) -> Option<&Release> {
        self.0.iter().find(|release| release.name == name)
    }

    /// Each release and target, in the file's order.
    pub fn pairs(&self) -> impl Iterator<Item = (ReleaseName, &str)> {
        self.0.iter().flat_map(|release| release.targets.iter().map(|target| (release.name, target.as_str())))
    }

    /// The releases that ship `target`; nothing if none does.
    pub fn span(&self, target: &str) -> Option<ReleaseSpan> {
        let mut shipping = self.pairs().filter(|(_, name)| *name == target).map(|(release, _)| release);
        let since = shipping.next()?;
        let last = shipping.last().unwrap_or(since);
        Some(ReleaseSpan { since, until: self.names().last().filter(|newest| *newest != last).map(|_| last) })
    }

    fn targets(&self) -> impl Iterator<Item = &str> {
        self.pairs().map(|(_, target)| target)
    }

    /// A release without `target` between two that ship it, and the span of those that do.
    fn gap(&self, target: &str) -> Option<(ReleaseName, ReleaseSpan)> {
        let span = self.span(target)?;
        let within = |name: ReleaseName| name > span.since && span.until.is_none_or(|until| name < until);
        let lacks = |release: &&Release| within(release.name) && !release.targets.iter().any(|name| name == target);
        self.0.iter().find(lacks).map(|release| (release.name, span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Releases, String> {
        toml::from_str::<ReleasesFile>(&format!("releases = [{text}]")).unwrap().validate()
    }

    #[test]
    fn a_name_has_one_spelling_and_edge_is_the_newest() {
        let name = |text: &str| text.parse::<ReleaseName>();
        assert!(name("3.9").unwrap() < name("3.14").unwrap() && name("3.14").unwrap() < name("edge").unwrap());
        assert_eq!(name("3.14").unwrap().to_string(), "3.14");
        for wrong in ["", "3", "v3.14", "3.14.2", "3.014", "+3.1", "Edge"] {
            assert!(name(wrong).unwrap_err().contains("expected e.g. 3.14, or edge"), "{wrong}");
        }
    }

    #[test]
    fn a_span_ends_only_where_later_releases_lack_the_target() {
        let releases = parse(
            "{ version = '3.8', targets = ['old'] }, { version = '3.9', targets = ['old', 'new'] }, \
             { version = 'edge', targets = ['new'] }",
        )
        .unwrap();
        let span = |target| releases.span(target).map(|span| span.to_string());
        assert_eq!(span("old"), Some("3.8 to 3.9".into()));
        assert_eq!(span("new"), Some("3.9 on".into()));
        assert_eq!(span("other"), None);
    }

    #[test]
    fn order_repetition_and_gaps_are_faults() {
        let fault = |text: &str| parse(text).unwrap_err();
        let one = "{ version = '3.9', targets = ['a'] }";
        assert!(fault(&format!("{one}, {one}")).contains("3.9 comes after 3.9"));
        assert!(fault(&format!("{one}, {{ version = '3.8', targets = ['a'] }}")).contains("3.8 comes after 3.9"));
        assert!(fault("{ version = '3.9', targets = [] }").contains("release 3.9 has none"));
        assert!(fault("{ version = '3.9', rust = 'new', targets = ['a'] }").contains("rust: release 3.9: "));
        assert!(fault("{ version = '3.9', targets = ['a', 'b', 'a'] }").contains("has `a` twice"));
        let gap =
            format!("{one}, {{ version = '3.10', targets = ['b'] }}, {{ version = 'edge', targets = ['a', 'b'] }}");
        assert_eq!(fault(&gap), "targets: release 3.10 lacks `a`, which 3.9 on has");
    }
}
