//! The workspace's own sources as tokens, without tests, attributes and comments: for tests of its structure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The folder of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file below a folder whose name ends so, sorted.
pub fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(end) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Modules that stand under `#[cfg(test)]`.
const TESTS: [&str; 2] = ["testing", "tests"];

/// What of a source file's text matters to its structure.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    /// A literal as it is written.
    Literal(String),
    Sign(char),
    Open(Delimiter),
    Close,
}

/// The modules of one crate that are files, by their path in it: `["build", "store"]`.
pub struct Crate {
    modules: BTreeMap<Vec<String>, Vec<Token>>,
}

impl Crate {
    /// Reads the sources below a folder of the workspace: `xtask/src`.
    pub fn read(folder: &str) -> Self {
        let folder = workspace().join(folder);
        let mut modules = BTreeMap::new();
        for file in files(&folder, ".rs") {
            let path = file.strip_prefix(&folder).unwrap().with_extension("");
            let mut module: Vec<String> = path.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
                module.pop();
            }
            if !module.iter().any(|part| TESTS.contains(&part.as_str())) {
                let tokens = tokens(&fs_err::read_to_string(&file).unwrap());
                modules.entry(module).or_insert_with(Vec::new).extend(tokens);
            }
        }
        Self { modules }
    }

    /// The same of these modules and their texts.
    pub fn of(texts: &[(&str, &str)]) -> Self {
        let split = |name: &str| name.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Self { modules: texts.iter().map(|(name, text)| (split(name), tokens(text))).collect() }
    }

    /// The structs, enums and traits that each module defines.
    pub fn types(&self) -> Vec<(String, String)> {
        let mut types = Vec::new();
        for (module, tokens) in &self.modules {
            for pair in tokens.windows(2) {
                if let [Token::Word(kind), Token::Word(name)] = pair
                    && ["struct", "enum", "trait"].contains(&kind.as_str())
                {
                    types.push((module.join("::"), name.clone()));
                }
            }
        }
        types
    }

    /// The modules that each module names in a path, itself left out: `build::store` to `error`. The crate's root has no name.
    pub fn imports(&self) -> Vec<(String, String)> {
        let mut imports = Vec::new();
        for (module, tokens) in &self.modules {
            for path in paths(tokens) {
                if let Some(other) = self.resolve(module, &path)
                    && other != module
                {
                    imports.push((module.join("::"), other.join("::")));
                }
            }
        }
        imports.sort();
        imports.dedup();
        imports
    }

    /// The module that a path in `module` leads to.
    fn resolve(&self, module: &[String], path: &[String]) -> Option<&Vec<String>> {
        let mut whole = module.to_vec();
        let mut rest = path;
        match path[0].as_str() {
            "crate" => {
                whole.clear();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                whole.truncate(module.len().checked_sub(ups)?);
                rest = &path[ups..];
            }
            // A module below this one, or another crate.
            child => {
                whole.push(child.to_owned());
                self.modules.get(&whole)?;
                whole.pop();
            }
        }
        whole.extend_from_slice(rest);
        (0..=whole.len()).rev().find_map(|length| self.modules.get_key_value(&whole[..length])).map(|(key, _)| key)
    }

    /// Paths that begin with one of these, by module: `std::fs` finds `std::fs::read` too.
    pub fn uses(&self, of: &[&str]) -> Vec<(String, String)> {
        let named = |path: &String| of.iter().any(|of| path == of || path.starts_with(&format!("{of}::")));
        let found = self.modules.iter().flat_map(|(module, tokens)| {
            let paths = paths(tokens).into_iter().map(|path| path.join("::"));
            paths.filter(named).map(|path| (module.join("::"), path))
        });
        found.collect()
    }

    /// The string literals of each module, with their quotes.
    pub fn literals(&self) -> Vec<(String, &str)> {
        let mut found = Vec::new();
        for (module, tokens) in &self.modules {
            let literals = tokens.iter().filter_map(|token| match token {
                Token::Literal(text) => Some((module.join("::"), text.as_str())),
                _ => None,
            });
            found.extend(literals);
        }
        found
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    flatten(text.parse().unwrap(), &mut tokens);
    tokens
}

/// Takes attributes away, and what stands under `#[cfg(test)]`.
fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Punct(sign) if sign.as_char() == '#' => {
                let inner = trees.next_if(|tree| matches!(tree, TokenTree::Punct(sign) if sign.as_char() == '!'));
                let attribute = trees.next_if(|tree| matches!(tree, TokenTree::Group(_)));
                let test = attribute.is_some_and(|attribute| attribute.to_string() == "[cfg (test)]");
                if test && inner.is_none() {
                    let ends = |tree: &TokenTree| match tree {
                        TokenTree::Punct(sign) => sign.as_char() == ';',
                        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                        _ => false,
                    };
                    let _ = trees.by_ref().find(ends);
                }
            }
            TokenTree::Punct(sign) => tokens.push(Token::Sign(sign.as_char())),
            TokenTree::Ident(word) => tokens.push(Token::Word(word.to_string())),
            TokenTree::Literal(literal) => tokens.push(Token::Literal(literal.to_string())),
            TokenTree::Group(group) => {
                tokens.push(Token::Open(group.delimiter()));
                flatten(group.stream(), tokens);
                tokens.push(Token::Close);
            }
        }
    }
}

/// Every path of two or more words, those of a `use` with braces one by one.
fn paths(tokens: &[Token]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let begins = matches!(tokens[at], Token::Word(_)) && is_separator(tokens, at + 1);
        at = if begins { path(tokens, at, &[], &mut found) } else { at + 1 };
    }
    found
}

fn is_separator(tokens: &[Token], at: usize) -> bool {
    tokens.get(at..at + 2) == Some(&[Token::Sign(':'), Token::Sign(':')])
}

/// Reads a path, or a tree of them, that goes on from `start`; the result is where it ends.
fn path(tokens: &[Token], mut at: usize, start: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut words = start.to_vec();
    loop {
        match tokens.get(at) {
            Some(Token::Word(word)) => {
                words.push(word.clone());
                at += 1;
            }
            Some(Token::Open(Delimiter::Brace)) => {
                at += 1;
                while !matches!(tokens.get(at), Some(Token::Close) | None) {
                    at = match &tokens[at] {
                        Token::Word(word) if word == "as" => at + 2,
                        Token::Word(_) => path(tokens, at, &words, found),
                        // A comma.
                        _ => at + 1,
                    };
                }
                return at + 1;
            }
            // `::*` and `::<T>` are no part of it.
            _ => break,
        }
        if !is_separator(tokens, at) {
            break;
        }
        at += 2;
    }
    if words.last().is_some_and(|last| last == "self") && words.len() > 1 {
        words.pop();
    }
    found.push(words);
    at
}
