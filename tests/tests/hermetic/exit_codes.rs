//! What is written of exit codes is what the program has.

use bringup_model::exit;

const README: &str = include_str!("../../../README.md");
const REFERENCE: &str = include_str!("../../../docs/exit-codes.md");

#[test]
fn documents_have_the_table() {
    assert!(REFERENCE.contains(&exit::markdown()), "docs/exit-codes.md must have this table:\n{}", exit::markdown());
    assert!(README.contains("docs/exit-codes.md"), "README.md must say where the table is");
}

#[test]
fn each_code_is_there_once() {
    for (at, row) in exit::TABLE.iter().enumerate() {
        assert!(exit::TABLE[at + 1..].iter().all(|other| other.code > row.code), "{}", row.code);
    }
}
