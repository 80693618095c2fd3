use super::*;

fn parse(text: &str) -> Result<Expectations, String> {
    Expectations::parse([(Layer::Target, "expect.txt", text)]).map_err(|error| error.to_string())
}

fn setting(qemu: Option<&str>, link: Link) -> RunSetting {
    RunSetting { qemu: qemu.map(|version| version.parse().unwrap()), rust: None, link, spawns: qemu.is_none() }
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
    fails("# Bug: x\n\nstd a fail", "expect.txt:3:1: the bug or reason is missing");
    fails("# Bug:\nstd a fail", "expect.txt:1:1: `Bug:` is empty");
    fails("# Bug: x\nstd a fail\n# just words\nstd b fail", "expect.txt:4:1: the bug or reason is missing");
    fails("# Bug: x\nstd a* fail", "expect.txt:2:5: a `*` is only allowed with skip and flake");
    fails("# Bug: x\nstd a*b skip", "expect.txt:2:5: a `*` is only allowed at the end");
    fails("# Bug: x\nstd fail", "the test is missing");
    fails("# Bug: x\nstd", "expected `suite test word`");
    fails("# Bug: x\nstd é fail link=both", "expect.txt:2:12: unknown condition `link=both`");
    fails("# Bug: x\nstd a fail qemu<x", "`x` is not a version");
    fails("# Bug: x\nstd a fail link=static link=dynamic", "expect.txt:2:1: its conditions exclude each other");
}

#[test]
fn duplicates_and_contradictions_show_both_places() {
    let refused = |a: &str, b: &str, what: &str| {
        for (first, second) in [(a, b), (b, a)] {
            let error = parse(&format!("# Bug: x\nstd {first}\n\n# Bug: y\n\tstd {second}\n")).unwrap_err();
            assert!(error.starts_with(&format!("expect.txt:5:2: a {what}: expect.txt:2 says")), "{error}");
            assert!(error.ends_with(&format!("5 | \tstd {second}\n  | \t{}", "^".repeat(second.len() + 4))), "{error}");
        }
    };
    let allowed = |a: &str, b: &str| {
        for (first, second) in [(a, b), (b, a)] {
            parse(&format!("# Bug: x\nstd {first}\nstd {second}\n")).unwrap();
        }
    };
    refused("a fail", "a fail", "duplicate");
    refused("a* skip", "a* skip", "duplicate");
    refused("a fail qemu<11.2", "a fail qemu<12", "duplicate");
    refused("a fail link=static", "a fail qemu<12", "duplicate");
    refused("a fail", "a crash", "contradiction");
    refused("a fail", "a crash link=static", "contradiction");
    refused("a fail qemu<=11.2", "a crash qemu>=11.2", "contradiction");
    refused("net::* skip", "net::a fail", "contradiction");
    refused("net::* flake", "net::a fail link=static", "contradiction");
    refused("net::* flake", "net::tcp::* skip", "contradiction");
    refused("a fail rust<1.99", "a fail qemu<1.99", "duplicate");
    refused("a fail rust<=1.99", "a crash rust>=1.99", "contradiction");
    for (a, b) in [
        ("rust<1.99", "rust>=1.99"),
        ("qemu<11.2", "qemu>=11.2"),
        ("qemu<=11.2", "qemu>11.2.0"),
        ("qemu<11.2", "qemu>11.3 link=static"),
        ("link=dynamic", "link=static"),
        ("spawn=no", "spawn=yes"),
        ("runner=qemu", "runner=native"),
        ("qemu>1", "runner=native"),
    ] {
        allowed(&format!("a fail {a}"), &format!("a crash {b}"));
        allowed(&format!("a* skip {a}"), &format!("ab fail {b}"));
    }
    allowed("net::* flake", "net::a flake");
    allowed("net::* flake", "net fail");
    allowed("net::* flake", "net::tcp::* flake");
}

#[test]
fn a_reason_that_is_to_do_is_known_by_its_line() {
    let text = "# Bug: https://x\n# Reason: TODO\nstd a fail\nstd b fail\n\n# Bug: TODO: report it\nstd c fail\n\n\
                # Reason: TODOS are kept in a list\n# Since: TODO\nstd d fail\n";
    let lines: Vec<_> = parse(text).unwrap().entries().iter().map(|entry| entry.todo).collect();
    assert_eq!(lines, [Some(2), Some(2), Some(6), None]);
}

#[test]
fn the_same_test_in_both_layers_is_an_error_where_both_can_hold() {
    let both = |qemu: &str, target: &str| {
        let (qemu, target) = (format!("# Bug: x\n{qemu}\n"), format!("# Bug: x\n{target}\n"));
        let files = [(Layer::Emulator, "qemu/x.expect.txt", &*qemu), (Layer::Target, "targets/x/expect.txt", &*target)];
        Expectations::parse(files).map(|_| ()).map_err(|error| error.to_string())
    };
    let error = both("std a fail", "std a fail").unwrap_err();
    let expected =
        "targets/x/expect.txt:2:1: a duplicate: qemu/x.expect.txt:2 says `fail` for `std a`, and both can apply";
    assert!(error.starts_with(expected), "{error}");
    assert!(both("std a fail", "std a* skip").unwrap_err().contains("a contradiction"));
    assert_eq!(both("std a fail", "std a crash runner=native"), Ok(()));
    assert_eq!(both("std a fail link=static", "std a crash link=dynamic"), Ok(()));
    let never = both("std a fail runner=native", "").unwrap_err();
    assert!(
        never.starts_with("qemu/x.expect.txt:2:1: it can never apply: entries in qemu/ apply only under"),
        "{never}"
    );
}

#[test]
fn conditions_and_layers_decide_what_holds() {
    let ours = "# Bug: x\nstd old fail qemu<11.2\nstd new crash qemu>=11.2 link=static\nstd native fail runner=native\nstd self crash spawn=no\n";
    let files = [(Layer::Emulator, "qemu", "# Bug: x\nstd emulated fail\n"), (Layer::Target, "target", ours)];
    let all = Expectations::parse(files).unwrap();
    let names = |setting: RunSetting| all.active("std", &setting).iter().map(|e| e.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(setting(Some("11.1.3"), Link::Dynamic)), ["emulated", "old", "self"]);
    assert_eq!(names(setting(Some("11.2"), Link::Dynamic)), ["emulated", "self"]);
    assert_eq!(names(setting(Some("11.2"), Link::Static)), ["emulated", "new", "self"]);
    assert_eq!(names(setting(None, Link::Dynamic)), ["native"]);
    assert_eq!(all.active("core", &setting(None, Link::Dynamic)).iter().count(), 0);
    assert!(all.check_suites(&["core", "std"]).is_ok());
    assert!(all.check_suites(&["core"]).unwrap_err().starts_with("qemu:2: unknown suite `std`"));
}

#[test]
fn the_entry_nearest_to_a_test_gives_its_reason() {
    let all =
        parse("# Reason: 1\nstd net::* skip\n# Reason: 2\nstd net::tcp::* skip\n# Reason: 3\nstd net::tcp::one skip\n");
    let all = all.unwrap();
    let active = all.active("std", &setting(None, Link::Dynamic));
    let why = |name| active.find(name).map(|entry| entry.why.as_str());
    assert_eq!(why("net::tcp::one"), Some("3"));
    assert_eq!(why("net::tcp::two"), Some("2"));
    assert_eq!(why("net::udp"), Some("1"));
    assert_eq!(why("fs"), None);
    assert!(active.skips("net::udp") && !active.skips("fs"));
}

#[test]
fn an_entry_is_stale_if_no_listed_test_is_meant() {
    let all = parse("# Reason: x\nstd a fail\nstd a::* skip\nstd b* flake\nstd b fail link=static\n");
    assert!(all.unwrap_err().contains("contradiction"));
    let all = parse("# Reason: x\nstd a fail\nstd a::* skip\nstd b* flake\n").unwrap();
    let stale = |listed: &[&str]| {
        let listed = listed.iter().map(|&name| name.to_owned()).collect();
        all.entries().iter().filter(|entry| entry.is_stale(&listed)).map(Entry::pattern).collect::<Vec<_>>()
    };
    assert_eq!(stale(&["a", "a::x", "b"]), [""; 0]);
    assert_eq!(stale(&["ab", "a:", "c"]), ["a", "a::*", "b*"]);
}

#[test]
fn an_entry_may_be_for_some_versions_of_rust() {
    let all =
        parse("# Bug: x\nstd a fail rust>=1.98.1 rust<1.100\nstd b fail rust<1.98\nstd c fail rust>1.98.1\n").unwrap();
    let of = |rust: Option<&str>| {
        let setting =
            RunSetting { rust: rust.map(|version| version.parse().unwrap()), ..setting(Some("11.1"), Link::Static) };
        let active = all.active("std", &setting);
        ["a", "b", "c"].into_iter().filter(|name| active.find(name).is_some()).collect::<String>()
    };
    let expected = [("1.95.0", "b"), ("1.98", ""), ("1.98.1", "a"), ("1.99.1", "ac"), ("1.100", "c"), ("1.101.0", "c")];
    for (version, entries) in expected {
        assert_eq!(of(Some(version)), entries, "{version}");
    }
    // A day of a channel whose number nobody has told.
    assert_eq!(of(None), "c");
}
