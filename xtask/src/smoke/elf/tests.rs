//! Every rule passes for a good file and fails for a file that breaks it, in both classes and byte orders.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bringup_model::target;
use object::elf;

use super::{ElfKind, Rules, audit, soname};

const LOADER: &str = "/lib/ld-musl-any.so.1";

/// A hand-made ELF file: program headers, a dynamic section and some bytes.
#[derive(Clone)]
struct FakeElf {
    class: u8,
    big_endian: bool,
    machine: u16,
    kind: u16,
    interpreter: Option<&'static str>,
    segments: Vec<(u32, u32)>,
    names: Vec<(i64, &'static str)>,
    dynamic: Vec<(i64, u64)>,
    tail: &'static str,
}

impl FakeElf {
    fn bytes(&self) -> Vec<u8> {
        let word = usize::from(self.class / 8);
        let (header, entry) = if word == 8 { (64, 56) } else { (52, 32) };
        let count = self.segments.len() + 2 + usize::from(self.interpreter.is_some());

        let mut strings = vec![0];
        let mut dynamic = self.dynamic.clone();
        for (tag, name) in &self.names {
            dynamic.push((*tag, strings.len() as u64));
            strings.extend_from_slice(name.as_bytes());
            strings.push(0);
        }
        let dynamic_at = header + count * entry;
        let strings_at = dynamic_at + (dynamic.len() + 3) * 2 * word;
        dynamic.extend([(elf::DT_STRTAB.0, strings_at as u64), (elf::DT_STRSZ.0, strings.len() as u64), (0, 0)]);
        let interpreter_at = strings_at + strings.len();
        let interpreter = self.interpreter.map(|path| format!("{path}\0")).unwrap_or_default();
        let size = interpreter_at + interpreter.len() + self.tail.len();

        let mut segments = vec![(elf::PT_LOAD.0, elf::PF_R.0, 0, size)];
        segments.push((elf::PT_DYNAMIC.0, elf::PF_R.0, dynamic_at, dynamic.len() * 2 * word));
        if self.interpreter.is_some() {
            segments.push((elf::PT_INTERP.0, elf::PF_R.0, interpreter_at, interpreter.len()));
        }
        segments.extend(self.segments.iter().map(|(kind, flags)| (*kind, *flags, 0, 0)));

        let mut out = vec![0x7f, b'E', b'L', b'F', self.class / 32, 1 + u8::from(self.big_endian), 1];
        out.resize(16, 0);
        let mut put = |value: u64, size: usize| {
            let bytes = if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
            out.extend_from_slice(if self.big_endian { &bytes[8 - size..] } else { &bytes[..size] });
        };
        for (value, size) in [(self.kind.into(), 2), (self.machine.into(), 2), (1, 4), (0, word), (header, word)] {
            put(value as u64, size);
        }
        for (value, size) in [(0, word), (0, 4), (header, 2), (entry, 2), (count, 2), (0, 2), (0, 2), (0, 2)] {
            put(value as u64, size);
        }
        for (kind, flags, at, size) in segments {
            put(kind.into(), 4);
            if word == 8 {
                put(flags.into(), 4);
            }
            for value in [at, at, at, size, size] {
                put(value as u64, word);
            }
            if word == 4 {
                put(flags.into(), 4);
            }
            put(1, word);
        }
        for (tag, value) in dynamic {
            put(tag.cast_unsigned(), word);
            put(value, word);
        }
        out.extend_from_slice(&strings);
        out.extend_from_slice(interpreter.as_bytes());
        out.extend_from_slice(self.tail.as_bytes());
        out
    }
}

fn program() -> FakeElf {
    FakeElf {
        class: 64,
        big_endian: true,
        machine: elf::EM_S390.0,
        kind: elf::ET_DYN.0,
        interpreter: Some(LOADER),
        segments: vec![(elf::PT_GNU_RELRO.0, elf::PF_R.0), (elf::PT_GNU_STACK.0, elf::PF_R.0 | elf::PF_W.0)],
        names: vec![(elf::DT_NEEDED.0, "libc.so")],
        dynamic: vec![(elf::DT_FLAGS.0, elf::DF_BIND_NOW.0), (elf::DT_FLAGS_1.0, elf::DF_1_NOW.0 | elf::DF_1_PIE.0)],
        tail: "assertion failed: /home/builder2/x /rustc/1234/library/core/src/lib.rs",
    }
}

fn expected(class: u8, big_endian: bool) -> target::Elf {
    let none = vec![0];
    let object_flags = none.clone();
    target::Elf { machine: "S390".into(), class, big_endian, flags: none, object_flags, abi: BTreeMap::new() }
}

fn broken_as(kind: ElfKind, change: impl FnOnce(&mut FakeElf)) -> Vec<String> {
    let mut file = program();
    change(&mut file);
    let forbidden = [PathBuf::from("/home/builder"), PathBuf::from("/")];
    let rules = Rules {
        elf: &expected(64, true),
        kind,
        interpreter: (kind == ElfKind::Program).then_some(LOADER),
        needed: vec!["libc.so".into()],
        forbidden: &forbidden,
    };
    audit(&file.bytes(), &rules)
}

fn broken(change: impl FnOnce(&mut FakeElf)) -> Vec<String> {
    broken_as(ElfKind::Program, change)
}

#[test]
fn a_good_file_breaks_no_rule_in_any_class_and_byte_order() {
    for (class, big_endian) in [(32, false), (32, true), (64, false), (64, true)] {
        let file = FakeElf { class, big_endian, ..program() };
        let rules = Rules {
            elf: &expected(class, big_endian),
            kind: ElfKind::Program,
            interpreter: Some(LOADER),
            needed: vec!["libc.so".into()],
            forbidden: &["/home/builder".into()],
        };
        assert_eq!(audit(&file.bytes(), &rules), Vec::<String>::new(), "{class} bits, big endian {big_endian}");
    }
}

#[test]
fn the_header_is_compared() {
    assert_eq!(broken(|file| file.machine = elf::EM_X86_64.0), ["machine is X86_64, expected S390"]);
    assert_eq!(broken(|file| file.machine = 60_000), ["machine is 60000, expected S390"]);
    assert_eq!(broken(|file| file.class = 32), ["class is 32 bits, expected 64"]);
    assert_eq!(broken(|file| file.big_endian = false), ["byte order is little, expected big"]);
    assert_eq!(
        broken(|file| file.kind = elf::ET_EXEC.0),
        ["type is ET_EXEC, expected ET_DYN: it is bound to one address"]
    );
    let unmarked = broken(|file| file.dynamic[1].1 = elf::DF_1_NOW.0);
    assert_eq!(unmarked, ["DF_1_PIE is not set: not marked as position-independent executable"]);
}

#[test]
fn the_interpreter_is_compared() {
    let other = broken(|file| file.interpreter = Some("/lib64/ld-linux.so.2"));
    assert_eq!(other, [format!("interpreter is /lib64/ld-linux.so.2, expected {LOADER}")]);
    assert_eq!(broken(|file| file.interpreter = None), [format!("interpreter is none, expected {LOADER}")]);
    assert_eq!(broken_as(ElfKind::Library, |_| ()), [format!("interpreter is {LOADER}, expected none")]);
}

#[test]
fn needed_libraries_are_compared() {
    let more = broken(|file| file.names.push((elf::DT_NEEDED.0, "libgcc_s.so.1")));
    assert_eq!(more, ["NEEDED is [libc.so, libgcc_s.so.1], expected [libc.so]"]);
    assert_eq!(broken(|file| file.names.clear()), ["NEEDED is [], expected [libc.so]"]);
    for tag in [elf::DT_RPATH.0, elf::DT_RUNPATH.0] {
        assert_eq!(broken(|file| file.names.push((tag, "$ORIGIN"))), ["library search path (RPATH): $ORIGIN"]);
    }
}

#[test]
fn hardening_is_required() {
    let lazy = "bound lazily (neither BIND_NOW nor DF_1_NOW): RELRO is partial";
    let unbound = |file: &mut FakeElf| file.dynamic = vec![(elf::DT_FLAGS_1.0, elf::DF_1_PIE.0)];
    assert_eq!(broken(unbound), [lazy]);
    let libc = broken_as(ElfKind::Libc, |file| {
        unbound(file);
        file.interpreter = None;
    });
    assert_eq!(libc, Vec::<String>::new());

    assert_eq!(broken(|file| _ = file.segments.remove(0)), ["no PT_GNU_RELRO segment"]);
    let stack = broken(|file| _ = file.segments.remove(1));
    assert_eq!(stack, ["no PT_GNU_STACK segment: the stack may be executable"]);
    assert_eq!(broken(|file| file.segments[1].1 |= elf::PF_X.0), ["the stack is executable"]);
    let mixed = (elf::PT_LOAD.0, elf::PF_W.0 | elf::PF_X.0);
    assert_eq!(broken(|file| file.segments.push(mixed)), ["a segment is writable and executable"]);

    let text = ["relocations in read-only segments (TEXTREL)"];
    assert_eq!(broken(|file| file.dynamic.push((elf::DT_TEXTREL.0, 0))), text);
    assert_eq!(broken(|file| file.dynamic[0].1 |= elf::DF_TEXTREL.0), text);
}

#[test]
fn paths_of_the_build_host_are_found() {
    let leaks = broken(|file| file.tail = "panicked at/home/builder/.cargo/registry/src/lib.rs\0more");
    assert_eq!(leaks, ["names a path of the build host: /home/builder/.cargo/registry/src/lib.rs"]);
    let folder = broken(|file| file.tail = "/home/builder\0");
    assert_eq!(folder, ["names a path of the build host: /home/builder"]);
}

#[test]
fn several_broken_rules_are_all_told() {
    let all = broken(|file| {
        file.machine = elf::EM_386.0;
        file.segments.clear();
    });
    assert_eq!(all.len(), 3, "{all:?}");
}

#[test]
fn what_is_no_elf_file_is_told() {
    let rules = Rules {
        elf: &expected(64, true),
        kind: ElfKind::Library,
        interpreter: None,
        needed: Vec::new(),
        forbidden: &[],
    };
    let good = program().bytes();
    for bytes in [&b""[..], b"#!/bin/sh\nexit 0\n", &good[..20], &good[..100]] {
        let broken = audit(bytes, &rules);
        assert!(broken.len() == 1 && broken[0].starts_with("not a readable ELF file"), "{broken:?}");
    }
}

#[test]
fn a_library_tells_its_own_name() {
    let mut file = program();
    assert_eq!(soname(&file.bytes()).unwrap(), None);
    file.names.push((elf::DT_SONAME.0, "libstd-0123.so"));
    assert_eq!(soname(&file.bytes()).unwrap().as_deref(), Some("libstd-0123.so"));
}

#[test]
fn the_running_test_program_is_readable() {
    let bytes = fs_err::read(std::env::current_exe().unwrap()).unwrap();
    let broken = audit(
        &bytes,
        &Rules {
            elf: &target::Elf { machine: "none such".into(), ..expected(16, cfg!(target_endian = "big")) },
            kind: ElfKind::Program,
            interpreter: Some("/none"),
            needed: Vec::new(),
            forbidden: &[],
        },
    );
    for start in ["machine is ", "class is ", "interpreter is ", "NEEDED is ["] {
        assert!(broken.iter().any(|rule| rule.starts_with(start)), "no `{start}` in {broken:?}");
    }
    assert!(!broken.iter().any(|rule| rule.contains("byte order") || rule.contains("readable")), "{broken:?}");
}
