//! Proofs: small programs that fail without a patch and pass with it, and the directives in their files.

use std::path::Path;

use super::link::Link;

/// The language of a proof, from its file's extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `.rs`: compiled by the target's rustc, without crates.
    Rust,
    /// `.c`: compiled by the target's C driver.
    C,
    /// `.sh`: run on the host, with the toolchain in its environment.
    Shell,
}

/// What a proof runs against. Only a script can run without a target's toolchain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofLevel {
    /// The toolchain of a target.
    Toolchain,
    /// The compiler alone, without a target.
    Compiler,
    /// The source that the compiler is built from.
    Source,
}

impl ProofLevel {
    /// The value of the directive `needs`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Toolchain => "toolchain",
            Self::Compiler => "compiler",
            Self::Source => "source",
        }
    }
}

/// How to run a proof, as its file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The language of the file.
    pub language: Language,
    /// What the proof runs against.
    pub needs: ProofLevel,
    /// Link modes to run the proof in; at least one.
    pub links: Vec<Link>,
    /// Additional options for the compiler.
    pub flags: Vec<String>,
}

impl Proof {
    /// Reads the directives: lines `//@ key: value` (in a script `#@ …`), anywhere in the file.
    ///
    /// # Errors
    ///
    /// Returns a line number, from 1, and one sentence about that line: the file is not a program in a known language, a
    /// directive is unknown, or its value is not allowed.
    pub fn parse(path: &Path, text: &str) -> Result<Self, (usize, String)> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let (language, mark) = match ending {
            Some("rs") => (Language::Rust, "//@"),
            Some("c") => (Language::C, "//@"),
            Some("sh") => (Language::Shell, "#@"),
            _ => return Err((1, "a proof is a program in Rust (.rs), in C (.c) or a shell script (.sh)".into())),
        };
        let mut proof = Self { language, needs: ProofLevel::Toolchain, links: vec![Link::Dynamic], flags: Vec::new() };
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
                "needs" => {
                    let known = [ProofLevel::Toolchain, ProofLevel::Compiler, ProofLevel::Source];
                    let named = known.into_iter().find(|needs| needs.word() == value.trim());
                    proof.needs = named.ok_or_else(|| {
                        (number, format!("`{}`: expected toolchain, compiler or source", value.trim()))
                    })?;
                    if proof.needs != ProofLevel::Toolchain && language != Language::Shell {
                        return Err((number, "a program requires the toolchain of a target".into()));
                    }
                }
                other => return Err((number, format!("unknown directive `{other}`: expected needs, link or flags"))),
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
        assert_eq!(plain.needs, ProofLevel::Toolchain);
        assert_eq!(parse("b.sh", "#@ needs: source\n").unwrap().needs, ProofLevel::Source);
    }

    #[test]
    fn faults_name_their_line() {
        assert_eq!(
            parse("a.c", "\n//@ link: pie\n").unwrap_err(),
            (2, "`pie`: expected dynamic, static or both".into())
        );
        assert_eq!(parse("a.c", "//@ link:\n").unwrap_err().0, 1);
        assert!(parse("a.c", "//@ liink: static\n").unwrap_err().1.starts_with("unknown directive `liink`"));
        assert_eq!(parse("a.sh", "#@ needs: rust\n").unwrap_err().1, "`rust`: expected toolchain, compiler or source");
        assert!(parse("a.c", "//@ needs: compiler\n").unwrap_err().1.starts_with("a program requires"));
        assert!(parse("a.py", "").is_err());
    }
}
