//! Objects put together by hand, judged by the rules of real targets.

use std::path::Path;

use bringup_model::target::TargetFile;

use super::*;

fn rules(name: &str) -> target::Elf {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../targets").join(name).join("target.toml");
    let file: TargetFile = toml::from_str(&fs_err::read_to_string(file).unwrap()).unwrap();
    file.validate(name).unwrap().elf
}

/// An ELF file of one section and its name.
#[derive(Clone)]
struct FakeObject {
    class: u8,
    big_endian: bool,
    machine: u16,
    kind: u16,
    flags: u32,
    section: &'static str,
    content: Vec<u8>,
}

impl FakeObject {
    fn bytes(&self) -> Vec<u8> {
        let word = usize::from(self.class / 8);
        let (header, entry) = if word == 8 { (64, 64) } else { (52, 40) };
        let names = format!("\0{}\0.shstrtab\0", self.section);
        let names_at = header + self.content.len();
        let table = names_at + names.len();
        let mut out = vec![0x7f, b'E', b'L', b'F', self.class / 32, 1 + u8::from(self.big_endian), 1];
        out.resize(16, 0);
        let put = |out: &mut Vec<u8>, values: &[(usize, usize)]| {
            for (value, size) in values {
                out.extend(number(*value, *size, self.big_endian));
            }
        };
        put(&mut out, &[(self.kind.into(), 2), (self.machine.into(), 2), (1, 4), (0, word), (0, word), (table, word)]);
        put(&mut out, &[(self.flags as usize, 4), (header, 2), (0, 2), (0, 2), (entry, 2), (3, 2), (2, 2)]);
        out.extend_from_slice(&self.content);
        out.extend_from_slice(names.as_bytes());
        let strings = elf::SHT_STRTAB.0 as usize;
        for (name, kind, at, size) in
            [(0, 0, 0, 0), (1, 1, header, self.content.len()), (self.section.len() + 2, strings, names_at, names.len())]
        {
            put(&mut out, &[(name, 4), (kind, 4), (0, word), (0, word), (at, word), (size, word)]);
            put(&mut out, &[(0, 4), (0, 4), (1, word), (0, word)]);
        }
        out
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut other = self.clone();
        change(&mut other);
        other.bytes()
    }
}

fn number(value: usize, size: usize, big_endian: bool) -> Vec<u8> {
    let mut bytes = value.to_le_bytes()[..size].to_vec();
    if big_endian {
        bytes.reverse();
    }
    bytes
}

/// A subsection of a vendor, for the whole file (1) or for some sections (2), with what precedes the attributes then.
fn attributes(vendor: &str, scope: u8, tags: &[u8], big_endian: bool) -> Vec<u8> {
    let mut part = vec![scope];
    part.extend(number(5 + tags.len(), 4, big_endian));
    part.extend_from_slice(tags);
    let mut whole = number(4 + vendor.len() + 1 + part.len(), 4, big_endian);
    whole.extend_from_slice(vendor.as_bytes());
    whole.push(0);
    whole.extend(part);
    whole
}

fn section(subsections: &[Vec<u8>]) -> Vec<u8> {
    [b"A".to_vec(), subsections.concat()].concat()
}

/// What a compiler writes for armhf: `Tag_conformance`, `Tag_CPU_name`, `Tag_CPU_arch`, `Tag_FP_arch`, `Tag_ABI_VFP_args`.
const COMPILED: &[u8] = b"\x432.09\0\x05arm1176jzf-s\0\x06\x06\x0a\x02\x1c\x01";

fn arm(tags: &[u8]) -> FakeObject {
    FakeObject {
        class: 32,
        big_endian: false,
        machine: elf::EM_ARM.0,
        kind: elf::ET_REL.0,
        flags: 0x0500_0000,
        section: ".ARM.attributes",
        content: section(&[attributes("aeabi", 1, tags, false)]),
    }
}

fn mips(content: &[u8]) -> FakeObject {
    FakeObject {
        class: 64,
        big_endian: true,
        machine: elf::EM_MIPS.0,
        kind: elf::ET_REL.0,
        flags: 0x2000_0007,
        section: ".MIPS.abiflags",
        content: content.to_vec(),
    }
}

/// Version, `isa_level` 3, 64-bit registers, none of the coprocessor, soft float.
const SOFT: &[u8] = &[0, 0, 3, 0, 2, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn gnu(machine: u16, big_endian: bool, flags: u32, tags: &[u8]) -> FakeObject {
    let content = section(&[attributes("gnu", 1, tags, big_endian)]);
    FakeObject { class: 64, big_endian, machine, kind: elf::ET_REL.0, flags, section: ".gnu.attributes", content }
}

fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    for (name, bytes) in members {
        let (name, size) = (format!("{name}/"), bytes.len());
        out.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 644).bytes());
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(2), b'\n');
    }
    out
}

/// What is wrong with files of one folder.
fn faults(target: &str, files: &[(&str, Vec<u8>)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs_err::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        fs_err::write(folder.path().join(name), bytes).unwrap();
    }
    let rules = rules(target);
    audit_objects(&[folder.path().into()], &|bytes| abi_faults(bytes, &rules)).unwrap()
}

fn fault(target: &str, object: Vec<u8>) -> Vec<String> {
    faults(target, &[("x.o", object)])
}

const NONE: [&str; 0] = [];

#[test]
fn good_objects_are_found_good() {
    let assembled = arm(b"\x06\x02\x0a\x03").bytes();
    let metadata = ["lib.rmeta", "lib.rmeta-link"].map(|name| (name, b"rust".to_vec()));
    let objects = [("a.o", arm(COMPILED).bytes()), ("b.o", assembled.clone())];
    let members = [metadata, objects].concat();
    let files = [
        ("x/liba.rlib", archive(&members)),
        ("libm.a", archive(&[])),
        ("crt1.o", arm(COMPILED).bytes()),
        ("crti.o", assembled),
        ("libc.so", b"another audit's".to_vec()),
    ];
    assert_eq!(faults("armhf", &files), NONE);
    assert_eq!(fault("mips64", mips(SOFT).bytes()), NONE);
    assert_eq!(fault("s390x", gnu(elf::EM_S390.0, true, 0, b"\x08\x01").bytes()), NONE);
    assert_eq!(fault("s390x", gnu(elf::EM_S390.0, true, 0, b"").with(|it| it.section = ".none")), NONE);
    assert_eq!(fault("ppc64le", gnu(elf::EM_PPC64.0, false, 0, b"\x04\x09").bytes()), NONE);
}

#[test]
fn one_member_of_another_float_abi_is_found() {
    let soft = COMPILED.strip_suffix(b"\x1c\x01").unwrap();
    let members = [("good.o", arm(COMPILED).bytes()), ("soft.o", arm(soft).bytes()), ("more.o", arm(soft).bytes())];
    assert_eq!(
        faults("armhf", &[("libc.a", archive(&members))]),
        ["libc.a(soft.o) and 1 more: .ARM.attributes: Tag_ABI_VFP_args is absent, expected 1"]
    );
    let value = [soft, b"\x1c\x02"].concat();
    assert_eq!(fault("armhf", arm(&value).bytes()), ["x.o: .ARM.attributes: Tag_ABI_VFP_args is 2, expected 1"]);

    let mut hard = SOFT.to_vec();
    (hard[5], hard[7]) = (2, 1);
    let found = ["x.o: .MIPS.abiflags: cpr1_size is 2, expected 0", "x.o: .MIPS.abiflags: fp_abi is 1, expected 3"];
    assert_eq!(fault("mips64", mips(&hard).bytes()), found);

    assert_eq!(fault("ppc64le", gnu(elf::EM_PPC64.0, false, 2, b"\x04\x05").bytes()), NONE);
    let soft = gnu(elf::EM_PPC64.0, false, 2, b"\x04\x02").bytes();
    assert_eq!(fault("ppc64le", soft), ["x.o: .gnu.attributes: Tag_GNU_Power_ABI_FP is 2, expected 0 or 5 or 9"]);
    let vector = gnu(elf::EM_S390.0, true, 0, b"\x08\x02").bytes();
    assert_eq!(fault("s390x", vector), ["x.o: .gnu.attributes: Tag_GNU_S390_ABI_Vector is 2, expected at most 1"]);
}

#[test]
fn an_object_for_a_better_processor_is_found() {
    let neon = b"\x432.09\0\x06\x0a\x0a\x03\x1c\x01";
    let found = [
        "x.o: .ARM.attributes: Tag_CPU_arch is 10, expected at most 7",
        "x.o: .ARM.attributes: Tag_FP_arch is 3, expected 2",
    ];
    assert_eq!(fault("armhf", arm(neon).bytes()), found);
    assert_eq!(fault("armv7", arm(neon).bytes()), ["x.o: .ARM.attributes: Tag_FP_arch is 3, expected 4"]);
}

#[test]
fn the_header_of_an_object_is_compared() {
    let good = arm(COMPILED);
    assert_eq!(fault("armhf", good.with(|it| it.flags = 0)), ["x.o: e_flags is 0x0, expected 0x5000000"]);
    let mips3 = fault("mips64", mips(SOFT).with(|it| it.flags = 0x8000_0007));
    assert_eq!(mips3, ["x.o: e_flags is 0x80000007, expected 0x20000006 or 0x20000007"]);
    let linked = good.with(|it| it.kind = elf::ET_DYN.0);
    assert_eq!(fault("armhf", linked), ["x.o: type is ET_DYN, expected ET_REL"]);
    let other = good.with(|it| it.machine = elf::EM_X86_64.0);
    assert_eq!(fault("armhf", other), ["x.o: machine is X86_64, expected ARM"]);
    assert_eq!(fault("armhf", b"BC\xc0\xde".to_vec()).len(), 1);
}

#[test]
fn an_absent_section_counts_as_zeros() {
    let absent = fault("mips64", mips(SOFT).with(|it| it.section = ".other"));
    assert_eq!(
        absent,
        [
            "x.o: .MIPS.abiflags: fp_abi is absent, expected 3",
            "x.o: .MIPS.abiflags: gpr_size is absent, expected 2",
            "x.o: .MIPS.abiflags: isa_level is absent, expected 3",
        ]
    );
    let short = fault("mips64", mips(&SOFT[..7]).bytes());
    assert_eq!(short, ["x.o: .MIPS.abiflags: fp_abi is absent, expected 3"]);
}

#[test]
fn every_subsection_of_the_vendor_is_read() {
    let good = attributes("aeabi", 1, COMPILED, false);
    let vendor = attributes("other", 1, b"\x06\x7f", false);
    let held = arm(b"").with(|it| it.content = section(&[vendor, good.clone()]));
    assert_eq!(fault("armhf", held), NONE);
    // Of the section of the number 1; a number of two bytes; a number and a text.
    for (scope, tags) in [(2, &b"\x01\0\x06\x0a"[..]), (1, b"\x06\x8a\x00"), (1, b"\x20\x01gnu\0\x06\x0a")] {
        let part = attributes("aeabi", scope, tags, false);
        let object = arm(b"").with(|it| it.content = section(&[good.clone(), part]));
        let found = ["x.o: .ARM.attributes: Tag_CPU_arch is 10, expected at most 7"];
        assert_eq!(fault("armhf", object), found, "{scope} {tags:?}");
    }
}

#[test]
fn what_cannot_be_read_is_told() {
    let whole = section(&[attributes("aeabi", 1, COMPILED, false)]);
    let mut other = whole.clone();
    other[0] = b'B';
    for content in [&whole[..whole.len() - 9], &whole[..9], &whole[..3], &other] {
        let found = fault("armhf", arm(b"").with(|it| it.content = content.to_vec()));
        let start = "x.o: not a readable ELF file: reading its section .ARM.attributes: ";
        assert!(found.len() == 1 && found[0].starts_with(start), "{found:?}");
    }
}

#[test]
fn a_damaged_library_is_told_and_the_others_are_read() {
    let whole = archive(&[("a.o", arm(COMPILED).bytes()), ("b.o", arm(b"\x06\x0a").bytes())]);
    let files = [("a.a", whole[..whole.len() - 9].to_vec()), ("b.a", whole)];
    let found = faults("armhf", &files);
    assert!(found.len() == 2 && found[0].starts_with("a.a: not a readable library: "), "{found:?}");
    assert_eq!(found[1], "b.a(b.o): .ARM.attributes: Tag_CPU_arch is 10, expected at most 7");
}

#[test]
fn a_linked_file_has_its_own_flags_and_may_have_sections_strung_together() {
    let rules = rules("ppc64le");
    let twice = section(&[attributes("gnu", 1, b"\x04\x09", false)]).repeat(2);
    let object = gnu(elf::EM_PPC64.0, false, 0, b"").with(|it| it.content.clone_from(&twice));
    assert!(read(&object, &rules.abi).is_err());
    let linked = gnu(elf::EM_PPC64.0, false, 0, b"").with(|it| {
        it.content = twice;
        it.kind = elf::ET_DYN.0;
    });
    assert_eq!(read(&linked, &rules.abi).unwrap().abi.broken(&rules), ["e_flags is 0x0, expected 0x2"]);
}

#[test]
fn a_folder_without_objects_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("libm.a"), archive(&[])).unwrap();
    let folders = [folder.path().to_owned(), folder.path().join("none")];
    let found = audit_objects(&folders, &|_| Vec::new()).unwrap();
    let told = folders.map(|folder| format!("no object in {}", folder.display()));
    assert_eq!(found, told);
}
