use super::*;

fn parse(text: &str) -> Result<Expectations, String> {
    Expectations::parse([(Layer::Target, "expect.txt", text)]).map_err(|error| error.to_string())
}

fn setting(qemu: Option<&str>, link: Link) -> Setting {
    let runner = if qemu.is_some() { "qemu" } else { "native" };
    Setting { runner, qemu: qemu.map(|version| version.parse().unwrap()), link, spawns: qemu.is_none() }
}

#[test]
fn reads_blocks_and_keeps_their_reasons() {
    let text = "# About this file: no entries here.\n\n# Bug: https://example.org/1\n# Since: qemu 11.1\nstd  a::b  fail\nstd  c  crash\n\
                # Reason: the host has\n#   no IPv6\n# Bug: https://example.org/2\nalloc src/x.rs - y (line 3)  skip\n";
    let all = parse(text).unwrap();
    let seen: Vec<_> = all.entries.iter().map(|e| (e.pattern(), e.word, e.why.as_str(), e.line)).collect();
    assert_eq!(
        seen,
        [
            ("a::b".into(), Word::Fail, "https://example.org/1", 5),
            ("c".into(), Word::Crash, "https://example.org/1", 6),
            ("src/x.rs - y (line 3)".into(), Word::Skip, "the host has no IPv6; https://example.org/2", 10),
        ]
    );
}

#[test]
fn errors_show_the_place() {
    let error = parse("# Bug: x\nstd  a::b   fial\n").unwrap_err();
    assert_eq!(
        error,
        "expect.txt:2:13: unknown word `fial`: expected fail, crash, timeout, flake or skip\n  |\n2 | std  a::b   fial\n  |             ^^^^"
    );
    let fails = |text: &str, part: &str| {
        let error = parse(text).unwrap_err();
        assert!(error.contains(part), "{error}");
    };
    fails("# Bug: x\n\nstd a fail", "expect.txt:3:1: nothing says why");
    fails("# Bug:\nstd a fail", "expect.txt:1:1: `Bug:` says nothing");
    fails("# Bug: x\nstd a fail\n# just words\nstd b fail", "expect.txt:4:1: nothing says why");
    fails("# Bug: x\nstd a* fail", "expect.txt:2:5: a `*` is for skip and flake only");
    fails("# Bug: x\nstd a*b skip", "expect.txt:2:5: a `*` may only stand at the end");
    fails("# Bug: x\nstd fail", "the test is missing");
    fails("# Bug: x\nstd", "expected `suite test word`");
    fails("# Bug: x\nstd é fail link=both", "expect.txt:2:12: unknown condition `link=both`");
    fails("# Bug: x\nstd a fail qemu<x", "`x` is not a version");
    fails("# Bug: x\nstd a fail\nstd a skip", "expect.txt:3:1: `std a` is already in expect.txt:2");
}

#[test]
fn the_same_test_in_both_layers_is_an_error() {
    let text = "# Bug: x\nstd a fail\n";
    let error = Expectations::parse([
        (Layer::Emulator, "qemu/x.expect.txt", text),
        (Layer::Target, "targets/x/expect.txt", text),
    ]);
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("targets/x/expect.txt:2:1: `std a` is already in qemu/x.expect.txt:2"), "{error}");
}

#[test]
fn conditions_and_layers_decide_what_holds() {
    let ours = "# Bug: x\nstd old fail qemu<11.2\nstd new crash qemu>=11.2 link=static\nstd native fail runner=native\nstd self crash spawn=no\n";
    let files = [(Layer::Emulator, "qemu", "# Bug: x\nstd emulated fail\n"), (Layer::Target, "target", ours)];
    let all = Expectations::parse(files).unwrap();
    let names = |setting: Setting| all.active("std", &setting).iter().map(|e| e.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(setting(Some("11.1.3"), Link::Dynamic)), ["emulated", "old", "self"]);
    assert_eq!(names(setting(Some("11.2"), Link::Dynamic)), ["emulated", "self"]);
    assert_eq!(names(setting(Some("11.2"), Link::Static)), ["emulated", "new", "self"]);
    assert_eq!(names(setting(None, Link::Dynamic)), ["native"]);
    assert_eq!(all.active("core", &setting(None, Link::Dynamic)).iter().count(), 0);
    assert!(all.check_suites(&["core", "std"]).is_ok());
    assert!(all.check_suites(&["core"]).unwrap_err().starts_with("qemu:2: unknown suite `std`"));
}

#[test]
fn an_exact_entry_beats_a_wildcard() {
    let all = parse("# Reason: r\nstd net::* flake\nstd net::tcp::* skip\nstd net::tcp::one fail\n").unwrap();
    let active = all.active("std", &setting(None, Link::Dynamic));
    let word = |name| active.find(name).map(|entry| entry.word);
    assert_eq!(word("net::tcp::one"), Some(Word::Fail));
    assert_eq!(word("net::tcp::two"), Some(Word::Skip));
    assert_eq!(word("net::udp"), Some(Word::Flake));
    assert_eq!(word("fs"), None);
    assert!(active.skips("net::tcp::two") && !active.skips("net::tcp::one"));
}
