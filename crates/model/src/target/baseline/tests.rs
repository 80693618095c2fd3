use super::*;

fn baseline(text: &str) -> Result<Baseline, String> {
    let file: BaselineFile = toml::from_str(&format!("text = \"some\"\n{text}")).unwrap();
    file.validate()
}

fn macros(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// One of each kind.
const ALL: &str = r#"
lacks = ["__VX__", "__NEXT_*", "__ARCH__"]
[has]
level = { c = ["__ARCH__ 9", "__ANY__"], rust = ["high"], only = "c", reason = "why not" }
both = { c = ["__BOTH__"], rust = ["both", "both2"], probe = "both %r1" }
other = { c = ["__OTHER__ 1"], rust = ["other"], only = "rust", reason = "why not" }
"#;

#[test]
fn what_both_state_is_no_fault() {
    let baseline = baseline(ALL).unwrap();
    let c = macros(&[("__ARCH__", "9"), ("__ANY__", "\"x\""), ("__BOTH__", "1"), ("__unix__", "1")]);
    assert_eq!(baseline.c_faults(&c), [""; 0]);
    let known = set(&["high", "both", "both2", "other", "more"]);
    assert_eq!(baseline.rust_faults(None, &set(&["both", "both2", "other"]), &known), [""; 0]);
    assert_eq!(baseline.probes().collect::<Vec<_>>(), [("both", "both %r1")]);
}

#[test]
fn c_with_more_less_or_other_values_is_a_fault() {
    let baseline = baseline(ALL).unwrap();
    let c = macros(&[("__ARCH__", "13"), ("__VX__", "1"), ("__OTHER__", "1"), ("__NEXT_ONE__", "7")]);
    let expected = [
        "[baseline.has] both: clang does not predefine __BOTH__",
        "[baseline.has] level: clang predefines __ARCH__ as 13, expected 9",
        "[baseline.has] level: clang does not predefine __ANY__",
        "[baseline.has] other: only Rust has it, but clang predefines __OTHER__",
        "[baseline] lacks: __NEXT_*, but clang predefines __NEXT_ONE__ as 7",
        "[baseline] lacks: __VX__, but clang predefines __VX__ as 1",
    ];
    assert_eq!(baseline.c_faults(&c), expected);
}

#[test]
fn rust_with_more_or_less_is_a_fault_and_so_is_a_name_that_rustc_does_not_know() {
    let baseline = baseline(ALL).unwrap();
    let expected = [
        "[baseline.has] both: rustc does not enable the target feature `both`",
        "[baseline.has] both: rustc knows no target feature `both2`",
        "[baseline.has] level: only C has it, but rustc enables the target feature `high`",
        "[baseline.has]: rustc enables the target feature `vector`, which no entry names",
    ];
    let faults =
        baseline.rust_faults(None, &set(&["high", "other", "vector"]), &set(&["high", "both", "other", "vector"]));
    assert_eq!(faults, expected);
}

#[test]
fn a_feature_may_be_one_of_newer_versions_of_rustc() {
    let baseline =
        baseline("[has]\nboth = { rust = ['both'] }\nnew = { rust = ['new'], since-rust = '1.97' }").unwrap();
    let of = |rustc: Option<&str>, enabled: &[&str]| {
        let version = rustc.map(|version| version.parse().unwrap());
        baseline.rust_faults(version.as_ref(), &set(enabled), &set(&["both", "new"]))
    };
    assert_eq!(of(Some("1.95.0"), &["both"]), [""; 0]);
    let early = of(Some("1.95.0"), &["both", "new"]);
    assert_eq!(early, ["[baseline.has]: rustc enables the target feature `new`, which no entry names"]);
    for rustc in [Some("1.97.0"), Some("1.101"), None] {
        assert_eq!(of(rustc, &["both", "new"]), [""; 0]);
        assert_eq!(of(rustc, &["both"]), ["[baseline.has] new: rustc does not enable the target feature `new`"]);
    }
}

#[test]
fn a_feature_is_stated_by_a_language_and_a_difference_has_a_reason() {
    let wrong = |feature: &str| baseline(&format!("[has]\nit = {feature}")).unwrap_err();
    let cases = [
        ("{ probe = \"nop\" }", "expected `c`, a list of macros, or `rust`"),
        ("{ c = [\"A-B\"] }", "`A-B` is not a macro's name"),
        ("{ c = [\"A\"], since-rust = \"1.97\" }", "since-rust: only target features in `rust` have one"),
        ("{ rust = [\"a\"], since-rust = \"new\" }", "since-rust: `new` is not a version"),
        ("{ c = [\"\"] }", "`` is not a macro's name"),
        ("{ c = [\"A\"], only = \"c\", reason = \"x\" }", "only: a difference requires `c` and `rust`"),
        ("{ c = [\"A\"], rust = [\"a\"], only = \"c\" }", "only: a difference between C and Rust requires a `reason`"),
        ("{ c = [\"A\"], reason = \"x\" }", "reason: only a difference"),
    ];
    for (feature, expected) in cases {
        let why = wrong(feature);
        assert!(why.starts_with("[baseline.has] it: ") && why.contains(expected), "{feature}: {why}");
    }
    assert!(baseline("[has]").unwrap_err().starts_with("[baseline.has]: expected at least one"));
    assert!(baseline("lacks = [\"a b c-\", \"d-\"]\n[has]\nit = { c = [\"A\"] }").unwrap_err().contains("lacks: `d-`"));
}
