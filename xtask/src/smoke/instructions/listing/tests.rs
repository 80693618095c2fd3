use super::*;

/// As printed for several architectures: words, halfwords, bytes, a prefix, data and bytes that are no instruction.
const TEXT: &str = "\n\
    /t/lib/libc.a(a.lo):\tfile format elf64-x\n\nDisassembly of section .text:\n\n\
    0000000000000000 <f>:\n       \
    0: 94000000     \tbl\t0x0 <f>\n      \
    1c: f7ff fffe    \tbl\t0x1c <f+0x1c>\t@ imm = #-0x4\n      \
    20: 00000130     \t.word\t0x00000130\n\
    0000000000000030 <g<T>>:\n      \
    30: f0 0f b1 0d  \tlock\t\tcmpxchgl\t%ecx, (%rdi)\n      \
    34: 00 00        \t<unknown>\n\
    /t/lib/libc.so:\tfile format elf64-x\n      \
    40: c3           \tretq\n";

#[test]
fn a_listing_has_instructions_with_their_places() {
    let found: Vec<_> = Listing::new(TEXT)
        .map(|(it, place)| (it.name(), it.bytes, it.in_halfwords(), place.symbol, place.file_name()))
        .collect();
    let expected = [
        ("bl", "94000000", false, "f", "libc.a(a.lo)"),
        ("bl", "f7ff fffe", true, "f", "libc.a(a.lo)"),
        ("cmpxchgl", "f0 0f b1 0d", false, "g<T>", "libc.a(a.lo)"),
        ("<00 00>", "00 00", false, "g<T>", "libc.a(a.lo)"),
        ("retq", "c3", false, "", "libc.so"),
    ];
    assert_eq!(found, expected.map(|(a, b, c, d, e)| (a.to_owned(), b, c, d, e.to_owned())));
}

#[test]
fn numbers_become_bytes_in_the_order_of_the_memory() {
    for (printed, big_endian, expected) in [
        ("94000001", false, "0x01 0x00 0x00 0x94 \n"),
        ("f7ff fffe", false, "0xff 0xf7 0xfe 0xff \n"),
        ("f0 0f b1", false, "0xf0 0x0f 0xb1 \n"),
        ("94000001", true, "0x94 0x00 0x00 0x01 \n"),
    ] {
        assert_eq!(memory_order(printed, big_endian), expected, "{printed}");
    }
}
