//! Small ELF objects, made without a compiler.

/// A relocatable object of one section with code. Its machine is x86-64.
#[derive(Debug, Clone, Default)]
pub struct ElfObject {
    flags: u32,
    code: Vec<u8>,
    /// Names, whether defined, place in the code, and size.
    symbols: Vec<(String, bool, usize, usize)>,
}

impl ElfObject {
    /// An object without symbols, with these flags in its header.
    pub fn new(flags: u32) -> Self {
        Self { flags, ..Self::default() }
    }

    /// Adds a global function.
    #[must_use]
    pub fn function(mut self, name: &str, code: &[u8]) -> Self {
        self.symbols.push((name.into(), true, self.code.len(), code.len()));
        self.code.extend_from_slice(code);
        self
    }

    /// Adds a symbol that another object must define.
    #[must_use]
    pub fn requires(mut self, name: &str) -> Self {
        self.symbols.push((name.into(), false, 0, 0));
        self
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        const HEADER: usize = 64;
        let mut names = vec![0];
        let mut symbols = vec![0; 24];
        for (name, is_defined, at, size) in &self.symbols {
            symbols.extend(u32::try_from(names.len()).unwrap().to_le_bytes());
            // A global function, visible to all.
            symbols.extend([0x12, 0]);
            symbols.extend(u16::from(*is_defined).to_le_bytes());
            symbols.extend([*at as u64, *size as u64].map(u64::to_le_bytes).concat());
            names.extend(name.bytes().chain([0]));
        }
        let sections = b"\0.text\0.symtab\0.strtab\0.shstrtab\0".to_vec();
        let contents = [&self.code, &symbols, &names, &sections];
        let table = HEADER + contents.iter().map(|content| content.len()).sum::<usize>();
        let mut out = vec![0x7f, b'E', b'L', b'F', 2, 1, 1];
        out.resize(16, 0);
        out.extend([1_u16, 62].map(u16::to_le_bytes).concat());
        out.extend(1_u32.to_le_bytes());
        out.extend([0, 0, table as u64].map(u64::to_le_bytes).concat());
        out.extend(self.flags.to_le_bytes());
        out.extend([64_u16, 0, 0, 64, 5, 4].map(u16::to_le_bytes).concat());
        for content in contents {
            out.extend_from_slice(content);
        }
        out.extend([0; 64]);
        // Each with its name's place, type, flags, and, for the table of symbols, the names' section and the entries' size.
        let kinds: [(u32, u32, u64, u32, u64); 4] =
            [(1, 1, 6, 0, 0), (7, 2, 0, 3, 24), (15, 3, 0, 0, 0), (23, 3, 0, 0, 0)];
        let mut at = HEADER;
        for (content, (name, kind, flags, link, entry)) in contents.iter().zip(kinds) {
            out.extend([name, kind].map(u32::to_le_bytes).concat());
            out.extend([flags, 0, at as u64, content.len() as u64].map(u64::to_le_bytes).concat());
            // The first global symbol is number 1.
            out.extend([link, u32::from(kind == 2)].map(u32::to_le_bytes).concat());
            out.extend([1, entry].map(u64::to_le_bytes).concat());
            at += content.len();
        }
        out
    }
}
