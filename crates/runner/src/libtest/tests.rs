//! The protocol, as it is written and as it comes.

use super::*;

fn events(chunks: &[&[u8]]) -> (Vec<TestEvent>, String) {
    let (mut parser, mut events) = (Parser::default(), Vec::new());
    for chunk in chunks {
        parser.feed(chunk, |event, _| events.push(event));
    }
    parser.finish(|event, _| events.push(event));
    (events, parser.take_noise().text())
}

fn done(name: &str, result: TestResult, output: &str) -> TestEvent {
    TestEvent::Done(Done { name: name.into(), result, seconds: None, message: None, output: output.into() })
}

#[test]
fn lists_tests_and_benchmarks() {
    let output = b"a::b: test\nnoise\nbench one: benchmark\nsrc/x.rs - f (line 3): test\n\n2 tests, 1 benchmark\n";
    assert_eq!(listed(output), ["a::b", "bench one", "src/x.rs - f (line 3)"]);
    assert_eq!(listed_count(output), Some(3));
    assert_eq!(listed_count(b"a: test\n1 test, 12 benchmarks\nnoise\n"), Some(13));
    assert_eq!(listed_count(b"a: test\n1 test\n"), None);
}

#[test]
fn reads_what_the_harness_writes() {
    let lines = br#"{ "type": "suite", "event": "started", "test_count": 2 }
{ "type": "test", "event": "started", "name": "a" }
{ "type": "test", "name": "a", "event": "ok", "exec_time": 0.25 }
{ "type": "test", "event": "started", "name": "b" }
{ "type": "test", "name": "b", "event": "ignored", "message": "needs \"root\"" }
{ "type": "test", "name": "c", "event": "failed", "exec_time": 0, "stdout": "assert\n", "reason": "time limit exceeded" }
{ "type": "suite", "event": "failed", "passed": 1, "failed": 1 }
"#;
    let (events, noise) = events(&[lines]);
    let expected = [
        TestEvent::Begun(2),
        TestEvent::Started("a".into()),
        TestEvent::Done(Done {
            name: "a".into(),
            result: TestResult::Pass,
            seconds: Some(0.25),
            message: None,
            output: String::new(),
        }),
        TestEvent::Started("b".into()),
        TestEvent::Done(Done {
            name: "b".into(),
            result: TestResult::Ignored,
            seconds: None,
            message: Some("needs \"root\"".into()),
            output: String::new(),
        }),
        TestEvent::Done(Done {
            name: "c".into(),
            result: TestResult::Fail,
            seconds: Some(0.0),
            message: Some("time limit exceeded".into()),
            output: "assert\n".into(),
        }),
        TestEvent::Finished(Counts { passed: 1, failed: 1, ..Counts::default() }),
    ];
    assert_eq!(events, expected);
    assert_eq!(noise, "");
}

#[test]
fn reads_what_compiletest_writes() {
    let (mut parser, mut events) = (Parser::of(br#"{"event":""#, "[ui] tests/"), Vec::new());
    let lines = br#"{"event":"started","test_count":2,"type":"suite"}
{"event":"started","name":"[ui] tests/a.rs#b","type":"test"}
{"event":"ignored","message":"needs x","name":"[ui] tests/a.rs#b","stdout":null,"type":"test"}
{"event":"timeout","name":"[ui] tests/c.rs","type":"test"}
warning: { "type": "test", "name": "c", "event": "ok" }
{"event":"ok","filtered_out":3,"type":"suite"}
"#;
    parser.feed(lines, |event, _| events.push(event));
    let name = "a.rs#b".to_owned();
    let message = Some("needs x".into());
    let ignored =
        Done { name: name.clone(), result: TestResult::Ignored, seconds: None, message, output: String::new() };
    assert_eq!(
        events,
        [
            TestEvent::Begun(2),
            TestEvent::Started(name),
            TestEvent::Done(ignored),
            TestEvent::Finished(Counts { ok: true, left_out: 3, ..Counts::default() }),
        ]
    );
    assert_eq!(parser.take_noise().text(), "warning: { \"type\": \"test\", \"name\": \"c\", \"event\": \"ok\" }\n");
}

#[test]
fn noise_loses_no_event() {
    let line = br#"{ "type": "test", "name": "a", "event": "ok" }"#;
    let pass = done("a", TestResult::Pass, "");
    for before in [&b"no newline"[..], b"\xff\xfe\x00", br#"{ "type": "test", "#, br#"{ "type": "x" } "#, b"{ {"] {
        let (seen, noise) = events(&[before, line, b"\n"]);
        assert_eq!(seen, std::slice::from_ref(&pass), "{before:?}");
        assert_eq!(noise, String::from_utf8_lossy(before), "{before:?}");
    }
    // Byte by byte, two on one line, and without the last line's end.
    let bytes: Vec<&[u8]> = line.chunks(1).collect();
    assert_eq!(events(&bytes).0, std::slice::from_ref(&pass));
    assert_eq!(events(&[line, line]).0, [pass.clone(), pass]);
}

#[test]
fn floods_are_bounded_and_lose_no_event() {
    let (mut parser, mut seen) = (Parser::default(), Vec::new());
    for _ in 0..200 {
        parser.feed(&vec![b'x'; 100_000], |_, _| {});
        assert!(parser.line.len() <= LINE_LIMIT + 100_000);
    }
    parser.feed(b"{ \"type\": \"test\", \"name\": \"a\", \"event\": \"failed\", \"stdout\": \"begin", |_, _| {});
    for _ in 0..200 {
        parser.feed(&vec![b'y'; 100_000], |_, _| {});
    }
    parser.feed(b"\" }\n{ \"type\": \"suite\", \"event\": \"ok\" }\n", |event, _| seen.push(event));
    assert_eq!(seen.len(), 2);
    let TestEvent::Done(done) = &seen[0] else { panic!("{:?}", seen[0]) };
    assert_eq!((done.name.as_str(), done.result), ("a", TestResult::Fail));
    assert!(done.output.contains("begin") && done.output.len() <= 2 * OUTPUT_LIMIT);
    assert!(parser.take_noise().text().len() <= OUTPUT_LIMIT + "[…]".len());
}

#[test]
fn an_event_that_something_was_written_into_still_counts() {
    let broken =
        b"{ \"type\": \"test\", \"name\": \"a \\\"b\\\"\", \"event\": \"failed\", \"stdout\": \"x\x01\xff { broken\n";
    let (seen, _) = events(&[broken]);
    let TestEvent::Done(done) = &seen[0] else { panic!("{seen:?}") };
    assert_eq!((done.name.as_str(), done.result), ("a \"b\"", TestResult::Fail));
}
