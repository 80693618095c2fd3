//! The conditions under which an entry applies.

use std::fmt;

use super::RunSetting;
use crate::link::Link;
use crate::version::Version;

/// One condition of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Under versions of QEMU that compare with this version in this way.
    Qemu(Comparison, Version),
    /// In this link mode.
    Link(Link),
    /// Under the emulator, or on a processor of the target, on this or another machine.
    Emulated(bool),
    /// Whether programs of the target can start each other.
    Spawns(bool),
}

/// How a version must compare with another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Below,
    /// `<=`
    UpTo,
    /// `>`
    Above,
    /// `>=`
    From,
}

impl Comparison {
    /// Longer operators come first, because `<` is a prefix of `<=`.
    const ALL: [Self; 4] = [Self::UpTo, Self::From, Self::Below, Self::Above];

    fn operator(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::UpTo => "<=",
            Self::Above => ">",
            Self::From => ">=",
        }
    }

    fn holds(self, version: &Version, than: &Version) -> bool {
        match self {
            Self::Below => version < than,
            Self::UpTo => version <= than,
            Self::Above => version > than,
            Self::From => version >= than,
        }
    }

    fn is_upper(self) -> bool {
        matches!(self, Self::Below | Self::UpTo)
    }

    fn is_inclusive(self) -> bool {
        matches!(self, Self::UpTo | Self::From)
    }
}

impl Condition {
    /// Parses `qemu<11.2`, `link=static`, ….
    ///
    /// # Errors
    ///
    /// Returns one sentence that names the known conditions.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("qemu") {
            let found = Comparison::ALL.into_iter().find_map(|how| Some((how, rest.strip_prefix(how.operator())?)));
            if let Some((comparison, version)) = found {
                return Ok(Self::Qemu(comparison, version.parse()?));
            }
        }
        match text.split_once('=') {
            Some(("link", "dynamic")) => Ok(Self::Link(Link::Dynamic)),
            Some(("link", "static")) => Ok(Self::Link(Link::Static)),
            Some(("runner", runner @ ("qemu" | "native"))) => Ok(Self::Emulated(runner == "qemu")),
            Some(("spawn", answer @ ("yes" | "no"))) => Ok(Self::Spawns(answer == "yes")),
            _ => Err(format!(
                "unknown condition `{text}`: expected e.g. qemu<11.2, qemu>=11.1, link=static, runner=native or spawn=no"
            )),
        }
    }

    /// Whether the condition holds in a setting.
    pub fn holds(&self, setting: &RunSetting) -> bool {
        match self {
            Self::Qemu(comparison, than) => {
                setting.qemu.as_ref().is_some_and(|version| comparison.holds(version, than))
            }
            Self::Link(link) => *link == setting.link,
            Self::Emulated(emulated) => *emulated == setting.qemu.is_some(),
            Self::Spawns(spawns) => *spawns == setting.spawns,
        }
    }

    /// Whether no setting can satisfy both conditions.
    fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Link(one), Self::Link(other)) => one != other,
            (Self::Emulated(one), Self::Emulated(other)) | (Self::Spawns(one), Self::Spawns(other)) => one != other,
            (Self::Emulated(emulated), Self::Qemu(..)) | (Self::Qemu(..), Self::Emulated(emulated)) => !emulated,
            (Self::Qemu(one, a), Self::Qemu(other, b)) if one.is_upper() != other.is_upper() => {
                let (upper, lower) = if one.is_upper() { (a, b) } else { (b, a) };
                upper < lower || (upper == lower && !(one.is_inclusive() && other.is_inclusive()))
            }
            _ => false,
        }
    }
}

/// The condition as in the file.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Qemu(comparison, version) => write!(f, "qemu{}{version}", comparison.operator()),
            Self::Link(link) => write!(f, "link={link}"),
            Self::Emulated(emulated) => write!(f, "runner={}", if *emulated { "qemu" } else { "native" }),
            Self::Spawns(spawns) => write!(f, "spawn={}", if *spawns { "yes" } else { "no" }),
        }
    }
}

/// Whether a setting can satisfy all conditions of both lists. For these conditions it is enough to compare each pair.
pub(super) fn can_hold(some: &[Condition], more: &[Condition]) -> bool {
    let all = || some.iter().chain(more);
    !all().any(|one| all().any(|other| one.excludes(other)))
}
