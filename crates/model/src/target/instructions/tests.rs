use super::*;

fn instructions(text: &str) -> Result<Instructions, String> {
    toml::from_str::<InstructionsFile>(text).unwrap().validate()
}

fn found(occurrences: &[(&str, &str)]) -> BTreeSet<BeyondBaseline> {
    let beyond = |&(mnemonic, symbol): &(&str, &str)| BeyondBaseline {
        mnemonic: mnemonic.into(),
        symbol: symbol.into(),
        file: "libx.a(x.o)".into(),
    };
    occurrences.iter().map(beyond).collect()
}

#[test]
fn the_processor_of_rust_is_the_baselines_unless_given() {
    let same = instructions("cpu = \"z196\"\nfeatures = [\"+a\", \"-b\"]").unwrap();
    assert_eq!(same.rust, same.baseline);
    assert_eq!(same.baseline.args(&["+c".into()]), ["--mcpu=z196", "--mattr=+a,-b,+c"]);
    let other = instructions("cpu = \"z196\"\nrust-cpu = \"z10\"").unwrap();
    assert_eq!((other.rust.args(&[]), other.newest.args(&[])), (vec!["--mcpu=z10".to_owned()], Vec::new()));
}

#[test]
fn what_is_beyond_is_a_fault_unless_an_entry_allows_it_there() {
    let rules =
        "[[allow]]\ninstructions = [\"cas*\", \"swp\"]\nsymbols = [\"__aarch64_*\"]\nreason = \"chosen at run time\"";
    let rules = instructions(rules).unwrap();
    assert_eq!(
        rules.faults(&found(&[("casal", "__aarch64_cas4"), ("swp", "__aarch64_swp4")]), &BTreeSet::new()),
        [""; 0]
    );
    let elsewhere = found(&[("casal", "__aarch64_cas4"), ("casal", "main"), ("casal", "other"), ("ldadd", "main")]);
    let expected = [
        "`casal` is beyond the baseline: in main of libx.a(x.o) and 1 more places",
        "`ldadd` is beyond the baseline: in main of libx.a(x.o)",
    ];
    assert_eq!(rules.faults(&elsewhere, &BTreeSet::new()), expected);
    let stale = rules.faults(&found(&[]), &BTreeSet::new());
    assert_eq!(stale.len(), 1);
    assert!(stale[0].contains("no cas*, swp occurs in __aarch64_* any more"), "{stale:?}");
    let many: Vec<String> = (0..30).map(|number| format!("i{number}")).collect();
    let many = many.iter().map(|name| (name.as_str(), "main")).collect::<Vec<_>>();
    assert_eq!(
        instructions("").unwrap().faults(&found(&many), &BTreeSet::new()).last().unwrap(),
        "10 more instructions are beyond the baseline"
    );
}

#[test]
fn functions_with_data_are_named_as_long_as_they_are_there() {
    let rules = instructions("[[data]]\nsymbols = [\"_dl*\", \".plt\"]\nreason = \"a distance\"").unwrap();
    assert!(rules.has_data("_dlstart") && rules.has_data(".plt") && !rules.has_data("main"));
    assert_eq!(rules.faults(&found(&[]), &BTreeSet::from([".plt".to_owned()])), [""; 0]);
    assert_eq!(
        rules.faults(&found(&[]), &BTreeSet::new()),
        ["[[baseline.instructions.data]]: there is no _dl*, .plt any more: remove the entry"]
    );
}

#[test]
fn newer_names_are_patterns() {
    let rules = instructions("newer = [\"xv*\", \"darn\"]").unwrap();
    assert!(rules.is_newer("xvadd.w") && rules.is_newer("darn"));
    assert!(!rules.is_newer("vadd.w") && !rules.is_newer("darnx"));
}

#[test]
fn features_have_a_sign_and_an_exception_has_a_reason() {
    assert!(instructions("features = [\"lse\"]").unwrap_err().contains("features: `lse` begins neither"));
    assert!(instructions("halfword-features = [\"x\"]").unwrap_err().contains("halfword-features: `x`"));
    for wrong in ["instructions = []", "symbols = []", "reason = \" \""] {
        let keys = ["instructions = [\"a\"]", "symbols = [\"*\"]", "reason = \"x\""];
        let name = wrong.split(' ').next().unwrap();
        let keys: Vec<&str> = keys.into_iter().map(|key| if key.starts_with(name) { wrong } else { key }).collect();
        let why = instructions(&format!("[[allow]]\n{}", keys.join("\n"))).unwrap_err();
        assert!(why.starts_with("[[baseline.instructions.allow]]: "), "{why}");
    }
    for wrong in ["symbols = []\nreason = \"x\"", "symbols = [\"*\"]\nreason = \" \""] {
        let why = instructions(&format!("[[data]]\n{wrong}")).unwrap_err();
        assert!(why.starts_with("[[baseline.instructions.data]]: "), "{why}");
    }
}
