//! A patch series: an ordered list of patches for one source, with the header of each patch.

mod diff;
mod form;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

pub use self::diff::{BlobIds, FileDiff, Hunk};
pub use self::form::FormFault;
use super::pins::Source;

/// One patch file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// File name: `NNNN-title.patch`.
    pub file: String,
    /// The contents of the file.
    pub text: String,
}

/// The patches of one source and version, in the order of the `series` file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Series {
    /// `rust`, `musl` or `llvm`.
    pub source: String,
    /// The source's version.
    pub version: String,
    /// The patches, in the order of application.
    pub patches: Vec<Patch>,
    /// The files of the patches that were left out. The blob ids of the other patches do not hold for these files.
    pub unverified: BTreeSet<String>,
}

/// The mail headers and message before a patch's first diff.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// `From:`; nothing if the header is missing.
    pub from: Option<String>,
    /// `Subject:`, unfolded, with `[PATCH …]`; empty if the header is missing.
    pub raw_subject: String,
    /// The message below the headers, without its trailers.
    pub body: String,
    /// `Key: value` lines of the message's last paragraph, with their line numbers in the file.
    pub trailers: Vec<Trailer>,
}

/// A `Key: value` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trailer {
    /// Line number in the patch file, from 1.
    pub line: usize,
    /// The text before the colon.
    pub key: String,
    /// The text after the colon; continuation lines are joined by a space.
    pub value: String,
}

/// A patch's upstream status, in the terms of the Yocto project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamStatus {
    /// Not sent yet.
    Pending,
    /// Sent to this place.
    Submitted(String),
    /// Taken from this upstream version or commit.
    Backport(String),
    /// Rejected by upstream.
    Denied,
    /// Not suitable for upstream, for this reason.
    Inappropriate(String),
    /// Upstream is no longer maintained.
    InactiveUpstream,
}

impl Series {
    /// The diff of each patch, in order: the inputs of the patched tree, together with the source. The tag names the
    /// files that the diff changes. A patch's name, message and trailers change no tree, so they are no inputs.
    pub fn inputs(&self) -> impl Iterator<Item = (String, &str)> {
        self.patches.iter().map(|patch| (format!("patch of {}", patch.files().join(" ")), patch.diff()))
    }

    /// The words that select this series, after `patch apply` for example. LLVM has no option: it has one version.
    pub fn selector(&self) -> String {
        let Self { source, version, .. } = self;
        if ["rust", "musl"].contains(&source.as_str()) {
            format!("{source} --{source} {version}")
        } else {
            source.clone()
        }
    }

    /// The series with only the patches that change a file in one of the source's layers.
    #[must_use]
    pub fn within(mut self, source: &Source) -> Self {
        self.patches.retain(|patch| patch.files().iter().any(|file| source.layer_of(file).is_some()));
        self
    }

    /// The series without the patches that `left_out` selects.
    #[must_use]
    pub fn without(mut self, left_out: impl Fn(&Patch) -> bool) -> Self {
        let Self { patches, unverified, .. } = &mut self;
        patches.retain(|patch| {
            let goes = left_out(patch);
            if goes {
                unverified.extend(patch.files().into_iter().map(str::to_owned));
            }
            !goes
        });
        self
    }
}

impl Patch {
    /// The layer of `source` that the patch changes and that `present`, which has some of its layers, lacks.
    pub fn lacks_layer<'a>(&self, source: &'a Source, present: &Source) -> Option<&'a str> {
        let mut layers = self.files().into_iter().filter_map(|file| source.layer_of(file));
        layers.find(|layer| present.layer_named(&layer.name).is_none()).map(|layer| layer.name.as_str())
    }

    /// The lines above the first diff, with their numbers from 1.
    pub fn preamble(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines()).take_while(|(_, line)| !line.starts_with("diff --git "))
    }

    /// Parses the mail before the diff. Missing fields are empty.
    pub fn header(&self) -> Header {
        let mut lines = self.preamble();
        let mut fields: Vec<String> = Vec::new();
        for (_, line) in lines.by_ref().take_while(|(_, line)| !line.is_empty()) {
            match (fields.last_mut(), line.strip_prefix([' ', '\t'])) {
                // git folds long headers.
                (Some(last), Some(more)) => *last = format!("{last} {}", more.trim()),
                _ => fields.push(line.into()),
            }
        }
        let field =
            |key: &str| fields.iter().find_map(|field| field.strip_prefix(key)).map(|value| value.trim().to_owned());
        let message: Vec<(usize, &str)> = lines.take_while(|(_, line)| *line != "---").collect();
        let (body, trailers) = split_trailers(&message);
        Header { from: field("From:"), raw_subject: field("Subject:").unwrap_or_default(), body, trailers }
    }
}

/// Splits off the last paragraph if each of its lines is a trailer or continues one.
fn split_trailers(message: &[(usize, &str)]) -> (String, Vec<Trailer>) {
    let end = message.iter().rposition(|(_, line)| !line.trim().is_empty()).map_or(0, |last| last + 1);
    let message = &message[..end];
    let start = message.iter().rposition(|(_, line)| line.trim().is_empty()).map_or(0, |blank| blank + 1);
    let mut trailers: Vec<Trailer> = Vec::new();
    for (line, text) in &message[start..] {
        if let (Some(more), Some(last)) = (text.strip_prefix([' ', '\t']), trailers.last_mut()) {
            last.value = format!("{} {}", last.value, more.trim());
        } else if let Some((key, value)) = text.split_once(':')
            && is_trailer_key(key)
        {
            trailers.push(Trailer { line: *line, key: key.into(), value: value.trim().into() });
        } else {
            trailers.clear();
            break;
        }
    }
    let body = if trailers.is_empty() { message } else { &message[..start] };
    let body: Vec<&str> = body.iter().map(|(_, line)| *line).collect();
    (body.join("\n").trim().to_owned(), trailers)
}

fn is_trailer_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_uppercase()) && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

impl Header {
    /// The subject without `[PATCH …]`.
    pub fn subject(&self) -> &str {
        let rest = self.raw_subject.strip_prefix("[PATCH").and_then(|rest| rest.split_once(']'));
        rest.map_or(self.raw_subject.as_str(), |(_, subject)| subject.trim_start())
    }

    /// The trailers with this key.
    pub fn trailers<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Trailer> {
        self.trailers.iter().filter(move |trailer| trailer.key == key)
    }

    /// The targets that need the patch; nothing if all targets do.
    pub fn targets(&self) -> Option<Vec<&str>> {
        let names: Vec<&str> = self.trailers("Targets").next()?.value.split_whitespace().collect();
        (names != [ALL_TARGETS]).then_some(names)
    }

    /// The path of the patch's proof, relative to the project's root.
    pub fn proof(&self) -> Option<&str> {
        self.trailers("Proof").next().map(|trailer| trailer.value.as_str())
    }

    /// The status in the trailer `Upstream-Status`.
    ///
    /// # Errors
    ///
    /// Returns a line number, from 1, and one sentence without the file's name: the trailer is missing, appears twice, or
    /// has an unknown value.
    pub fn upstream_status(&self) -> Result<UpstreamStatus, (usize, String)> {
        let mut found = self.trailers("Upstream-Status");
        let trailer =
            found.next().ok_or((1, format!("the trailer `Upstream-Status:` is missing; expected {STATUS_WORDS}")))?;
        if let Some(second) = found.next() {
            return Err((second.line, "the trailer `Upstream-Status:` appears twice".into()));
        }
        trailer.value.parse().map_err(|error| (trailer.line, format!("Upstream-Status: {error}")))
    }
}

/// The value of `Targets:` in a patch that all targets need.
const ALL_TARGETS: &str = "all";

const STATUS_WORDS: &str =
    "Pending, Submitted [where], Backport [commit], Denied, Inappropriate [reason] or Inactive-Upstream";

impl FromStr for UpstreamStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let detail = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map(str::trim);
        if detail.is_none() && !rest.is_empty() {
            return Err(format!("the text after `{word}` requires square brackets: `{word} [{rest}]`"));
        }
        let needed = |what: &str| match detail {
            Some(detail) if !detail.is_empty() => Ok(detail.to_owned()),
            _ => Err(format!("`{word}` requires {what} in square brackets")),
        };
        match word {
            "Pending" => Ok(Self::Pending),
            "Submitted" => Ok(Self::Submitted(needed("where it was sent")?)),
            "Backport" => Ok(Self::Backport(needed("the version or commit of its origin")?)),
            "Denied" => Ok(Self::Denied),
            "Inappropriate" => Ok(Self::Inappropriate(needed("a reason")?)),
            "Inactive-Upstream" => Ok(Self::InactiveUpstream),
            _ => Err(format!("unknown status `{word}`; expected {STATUS_WORDS}")),
        }
    }
}

impl fmt::Display for UpstreamStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("Pending"),
            Self::Submitted(place) => write!(f, "Submitted [{place}]"),
            Self::Backport(commit) => write!(f, "Backport [{commit}]"),
            Self::Denied => f.write_str("Denied"),
            Self::Inappropriate(reason) => write!(f, "Inappropriate [{reason}]"),
            Self::InactiveUpstream => f.write_str("Inactive-Upstream"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(message: &str) -> Patch {
        let text = format!(
            "From 0 Mon Sep 17 00:00:00 2001\nFrom: A\n <a@b>\nSubject: {message}\n---\n\ndiff --git a/x b/x\n"
        );
        Patch { file: "0001-x.patch".into(), text }
    }

    #[test]
    fn header_is_read() {
        let header = patch(
            "[PATCH 1/2] a subject that\n goes on\n\nWhy: this is prose.\n\nMore.\n\nUpstream-Status: Submitted [here\n and there]\nTargets: s390x",
        )
        .header();
        assert_eq!(header.from.as_deref(), Some("A <a@b>"));
        assert_eq!(header.subject(), "a subject that goes on");
        assert_eq!(header.body, "Why: this is prose.\n\nMore.");
        assert_eq!(header.upstream_status(), Ok(UpstreamStatus::Submitted("here and there".into())));
        assert_eq!(header.trailers("Targets").map(|t| (t.line, t.value.as_str())).collect::<Vec<_>>(), [(13, "s390x")]);
    }

    #[test]
    fn prose_is_no_trailer() {
        let header = patch("[PATCH] x\n\nUpstream-Status: Pending\nand this line is prose").header();
        assert!(header.trailers.is_empty());
        assert!(header.upstream_status().is_err());
    }

    #[test]
    fn status_words() {
        for good in ["Pending", "Denied", "Backport [1.96.0]", "Inappropriate [musl only]", "Inactive-Upstream"] {
            assert_eq!(good.parse::<UpstreamStatus>().map(|status| status.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "pending", "Submitted", "Backport []", "Inappropriate musl only", "Applied"] {
            assert!(bad.parse::<UpstreamStatus>().is_err(), "{bad}");
        }
    }
}
