//! SQLite from its source, on disk and in memory.
#![cfg(test)]

use rusqlite::{Connection, params};

#[test]
fn a_table_on_disk() {
    let path = std::env::temp_dir().join(format!("sqlite-{}.db", std::process::id()));
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (i INTEGER, r REAL, s TEXT, b BLOB);").unwrap();
    let extremes = [i64::MIN, -1, 0, 1, i64::MAX];
    for i in extremes {
        let bytes = i.to_le_bytes();
        connection.execute("INSERT INTO t VALUES (?, ?, ?, ?)", params![i, i as f64 / 3.0, i.to_string(), bytes]).unwrap();
    }
    drop(connection);
    let connection = Connection::open(&path).unwrap();
    let mut statement = connection.prepare("SELECT * FROM t ORDER BY i").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    let rows: Vec<(i64, f64, String, Vec<u8>)> = rows.map(Result::unwrap).collect();
    let expected = extremes.map(|i| (i, i as f64 / 3.0, i.to_string(), i.to_le_bytes().to_vec()));
    assert_eq!(rows, expected);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn arithmetic_and_functions() {
    let connection = Connection::open_in_memory().unwrap();
    let ask = |sql: &str| -> String { connection.query_row(&format!("SELECT CAST({sql} AS TEXT)"), [], |row| row.get(0)).unwrap() };
    assert_eq!(ask("round(2.0 / 3, 4)"), "0.6667");
    assert_eq!(ask("9223372036854775807 + 1.0 = 9223372036854775808.0"), "1");
    assert_eq!(ask("9223372036854775807 / -3"), "-3074457345618258602");
    assert_eq!(ask("julianday('2000-01-01')"), "2451544.5");
    assert_eq!(ask("strftime('%s', '2100-01-01')"), "4102444800");
    assert_eq!(ask("json_extract('{\"a\": [1, 2.5]}', '$.a[1]')"), "2.5");
    assert_eq!(ask("upper(hex(char(233)))"), "C3A9");
}
