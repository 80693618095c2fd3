//! Names of Rust that move: a release channel, perhaps of one day.

use std::fmt;

/// rustup's names of the release channels, from the most stable one.
const CHANNELS: [&str; 3] = ["stable", "beta", "nightly"];

/// What rustup calls a toolchain of a channel: `nightly`, the newest one, or `nightly-2026-11-20`, that of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelName {
    channel: &'static str,
    date: Option<String>,
}

impl ChannelName {
    /// Parses a name; `None` if it is not of a channel, such as the number of a version.
    ///
    /// # Errors
    ///
    /// If the date is not one.
    pub fn parse(name: &str) -> Option<Result<Self, String>> {
        let (channel, date) = match name.split_once('-') {
            Some((channel, date)) => (channel, Some(date)),
            None => (name, None),
        };
        let channel = CHANNELS.into_iter().find(|known| *known == channel)?;
        let date = date.map(str::to_owned);
        if date.as_deref().is_none_or(is_date) {
            Some(Ok(Self { channel, date }))
        } else {
            Some(Err(format!("`{name}` is not a day of {channel}: expected e.g. {channel}-2026-11-20")))
        }
    }

    /// The channel.
    pub fn channel(&self) -> &'static str {
        self.channel
    }

    /// The day; nothing if the newest one is meant.
    pub fn date(&self) -> Option<&str> {
        self.date.as_deref()
    }

    /// The channel's toolchain of this day, which never changes.
    #[must_use]
    pub fn on(&self, date: &str) -> Self {
        Self { channel: self.channel, date: Some(date.into()) }
    }

    /// The channel's newest toolchain.
    #[must_use]
    pub fn newest(&self) -> Self {
        Self { channel: self.channel, date: None }
    }

    /// The place of its manifest below `dist` on rustup's server.
    pub fn manifest(&self) -> String {
        let folder = self.date.as_ref().map(|date| format!("{date}/")).unwrap_or_default();
        format!("{folder}channel-rust-{}.toml", self.channel)
    }
}

/// As rustup spells it.
impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.channel)?;
        self.date.iter().try_for_each(|date| write!(f, "-{date}"))
    }
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |part: &str| part.chars().all(|c| c.is_ascii_digit()).then(|| part.parse::<u32>().ok()).flatten();
    let [year, month, day] = parts[..] else { return false };
    let within = |part: &str, range: std::ops::RangeInclusive<u32>| {
        part.len() == 2 && number(part).is_some_and(|number| range.contains(&number))
    };
    year.len() == 4 && number(year).is_some() && within(month, 1..=12) && within(day, 1..=31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_rustup_spells_them() {
        for name in ["stable", "beta", "nightly-2026-11-20"] {
            assert_eq!(ChannelName::parse(name).unwrap().unwrap().to_string(), name);
        }
        for name in ["1.98.1", "nighty", "Nightly", ""] {
            assert_eq!(ChannelName::parse(name), None, "{name}");
        }
        for name in ["nightly-", "nightly-2026-13-01", "nightly-2026-1-01", "beta-2026-11-20-1", "beta-+026-11-20"] {
            let error = ChannelName::parse(name).unwrap().unwrap_err();
            assert!(error.starts_with(&format!("`{name}` is not a day of ")), "{error}");
        }
    }

    #[test]
    fn a_day_is_a_folder_of_the_server() {
        let nightly = ChannelName::parse("nightly").unwrap().unwrap();
        assert_eq!(nightly.manifest(), "channel-rust-nightly.toml");
        assert_eq!(nightly.on("2026-10-30").manifest(), "2026-10-30/channel-rust-nightly.toml");
        assert_eq!((nightly.channel(), nightly.date()), ("nightly", None));
    }
}
