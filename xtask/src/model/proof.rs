//! Proofs: small programs that fail without a patch and pass with it, and what their first lines ask for.

use std::path::Path;

use super::link::Link;

/// The language of a proof, by its file's ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `.rs`: compiled by the target's rustc, without crates.
    Rust,
    /// `.c`: compiled by the target's C driver.
    C,
    /// `.sh`: run on the host, with the toolchain in its environment.
    Shell,
}

/// What a proof's file says of how to run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What it is written in.
    pub language: Language,
    /// Link modes in which it is to be run; at least one.
    pub links: Vec<Link>,
    /// More options for the compiler.
    pub flags: Vec<String>,
}

impl Proof {
    /// Reads the directives: lines `//@ key: value` (in a script `#@ …`), anywhere in the file. The error is one sentence
    /// with the line it is about.
    pub fn parse(path: &Path, text: &str) -> Result<Self, (usize, String)> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let (language, mark) = match ending {
            Some("rs") => (Language::Rust, "//@"),
            Some("c") => (Language::C, "//@"),
            Some("sh") => (Language::Shell, "#@"),
            _ => return Err((1, "a proof is a program in Rust (.rs), in C (.c) or a shell script (.sh)".into())),
        };
        let mut proof = Self { language, links: vec![Link::Dynamic], flags: Vec::new() };
        for (number, line) in (1..).zip(text.lines()) {
            let Some(directive) = line.strip_prefix(mark) else { continue };
            let (key, value) = directive.split_once(':').unwrap_or((directive, ""));
            let mut words = value.split_whitespace();
            match key.trim() {
                "flags" => proof.flags.extend(words.map(Into::into)),
                "link" => {
                    let mode = |word: &str| Link::ALL.into_iter().find(|link| link.word() == word);
                    let links: Option<Vec<Link>> = words.by_ref().map(mode).collect();
                    proof.links = links
                        .filter(|links| !links.is_empty())
                        .ok_or_else(|| (number, format!("`{}`: expected dynamic, static or both", value.trim())))?;
                }
                other => return Err((number, format!("unknown directive `{other}`: expected link or flags"))),
            }
        }
        Ok(proof)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, text: &str) -> Result<Proof, (usize, String)> {
        Proof::parse(Path::new(name), text)
    }

    #[test]
    fn directives_are_read() {
        let proof =
            parse("a.rs", "// What it shows.\n//@ link: static dynamic\n//@ flags: -C x=y\nfn main() {}\n").unwrap();
        assert_eq!(proof.links, [Link::Static, Link::Dynamic]);
        assert_eq!((proof.language, proof.flags), (Language::Rust, vec!["-C".into(), "x=y".into()]));
        let plain = parse("b.sh", "#!/bin/sh\n//@ link: x\n").unwrap();
        assert_eq!((plain.language, plain.links), (Language::Shell, vec![Link::Dynamic]));
    }

    #[test]
    fn faults_name_their_line() {
        assert_eq!(
            parse("a.c", "\n//@ link: pie\n").unwrap_err(),
            (2, "`pie`: expected dynamic, static or both".into())
        );
        assert_eq!(parse("a.c", "//@ link:\n").unwrap_err().0, 1);
        assert!(parse("a.c", "//@ liink: static\n").unwrap_err().1.starts_with("unknown directive `liink`"));
        assert!(parse("a.py", "").is_err());
    }
}
