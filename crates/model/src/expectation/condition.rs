//! The conditions under which an entry applies.

use std::fmt;

use super::RunSetting;
use crate::link::Link;
use crate::version::Version;

/// One condition of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// With versions of this that compare with this version in this way.
    Of(Versioned, Comparison, Version),
    /// In this link mode.
    Link(Link),
    /// Under the emulator, or on a processor of the target, on this or another machine.
    Emulated(bool),
    /// Whether programs of the target can start each other.
    Spawns(bool),
}

/// What a condition asks the version of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioned {
    /// The emulator.
    Qemu,
    /// The Rust under test. One whose number is not known counts as newer than all.
    Rust,
}

impl Versioned {
    const ALL: [Self; 2] = [Self::Qemu, Self::Rust];

    fn word(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Rust => "rust",
        }
    }
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
        for of in Versioned::ALL {
            let Some(rest) = text.strip_prefix(of.word()) else { continue };
            let found = Comparison::ALL.into_iter().find_map(|how| Some((how, rest.strip_prefix(how.operator())?)));
            if let Some((comparison, version)) = found {
                return Ok(Self::Of(of, comparison, version.parse()?));
            }
        }
        match text.split_once('=') {
            Some(("link", "dynamic")) => Ok(Self::Link(Link::Dynamic)),
            Some(("link", "static")) => Ok(Self::Link(Link::Static)),
            Some(("runner", runner @ ("qemu" | "native"))) => Ok(Self::Emulated(runner == "qemu")),
            Some(("spawn", answer @ ("yes" | "no"))) => Ok(Self::Spawns(answer == "yes")),
            _ => Err(format!(
                "unknown condition `{text}`: expected e.g. qemu<11.2, rust>=1.99, link=static, runner=native or spawn=no"
            )),
        }
    }

    /// Whether the condition holds in a setting.
    pub fn holds(&self, setting: &RunSetting) -> bool {
        match self {
            Self::Of(Versioned::Qemu, comparison, than) => {
                setting.qemu.as_ref().is_some_and(|version| comparison.holds(version, than))
            }
            Self::Of(Versioned::Rust, comparison, than) => match &setting.rust {
                Some(version) => comparison.holds(version, than),
                None => !comparison.is_upper(),
            },
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
            (Self::Emulated(emulated), Self::Of(Versioned::Qemu, ..))
            | (Self::Of(Versioned::Qemu, ..), Self::Emulated(emulated)) => !emulated,
            (Self::Of(this, one, a), Self::Of(that, other, b))
                if this == that && one.is_upper() != other.is_upper() =>
            {
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
            Self::Of(of, comparison, version) => write!(f, "{}{}{version}", of.word(), comparison.operator()),
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
