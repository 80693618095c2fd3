// Metadata::created() works on musl, as std asks by statx(2). The file system may still not keep that time.

use std::time::SystemTime;
use std::{env, fs, process};

fn main() {
    let path = env::temp_dir().join(format!("created-{}", process::id()));
    fs::write(&path, "x").unwrap();
    let metadata = fs::metadata(&path).unwrap();
    fs::remove_file(&path).unwrap();
    match metadata.created() {
        Ok(time) => assert!(time <= SystemTime::now(), "created in the future: {time:?}"),
        Err(error) => assert!(error.to_string().ends_with("for the filesystem"), "{error}"),
    }
}
