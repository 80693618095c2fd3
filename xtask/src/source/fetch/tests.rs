use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Mutex;
use std::time::Duration;

use bringup_model::pins::SourceLayer;
use sha2::{Digest as _, Sha256};

use super::*;

/// A server on the loopback that gives the same answer to `requests` requests, then hangs up on all others.
fn serve(answer: &'static [u8], requests: usize, linger: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(requests) {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer);
            std::thread::sleep(linger);
        }
    });
    format!("http://{address}/pub/musl-1.0.tar.gz?x=1")
}

struct FetchFixture {
    folder: tempfile::TempDir,
    said: Mutex<Vec<String>>,
}

impl FetchFixture {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), said: Mutex::default() }
    }

    fn with<T>(&self, offline: bool, use_it: impl Fn(&Fetcher) -> T) -> T {
        let folder = self.folder.path();
        let patience = Patience { connect: Duration::from_millis(500), stall: Duration::from_millis(300) };
        let say = |line: &str| self.said.lock().unwrap().push(line.to_owned());
        use_it(&Fetcher {
            cache: &self.cache(),
            root: folder,
            sysroot: folder,
            suites: &[],
            offline,
            patience,
            say: &say,
        })
    }

    fn fetch(&self, origins: &[SourceOrigin]) -> Result<Fetched, String> {
        self.with(false, |fetcher| fetcher.fetch(&source(origins.to_vec())).map_err(|error| format!("{error:#}")))
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn archives(&self) -> Vec<String> {
        let Ok(entries) = fs_err::read_dir(self.cache().join("archives")) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn source(origins: Vec<SourceOrigin>) -> Source {
    let layers = vec![SourceLayer { name: "musl".into(), folders: Vec::new() }];
    Source {
        name: "musl",
        version: "1.0".into(),
        series: "1.0".into(),
        release: None,
        layers,
        compiler: None,
        leave_out: None,
        origins,
    }
}

fn origin(place: Locator) -> SourceOrigin {
    SourceOrigin { place, sha256: Some(hash()), strip: 1, suites: Vec::new(), layers: Vec::new(), lacks: Vec::new() }
}

fn hash() -> String {
    sha256(b"archive")
}

fn sha256(bytes: &[u8]) -> String {
    bringup_model::digest::hex(&Sha256::digest(bytes))
}

#[test]
fn a_download_is_kept_under_its_hash_and_used_again() {
    let bench = FetchFixture::new();
    let url = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\narchive", 1, Duration::ZERO);
    let origins = vec![origin(Locator::Url(url.clone()))];
    let fetched = bench.fetch(&origins).unwrap();
    assert_eq!(fs_err::read(&fetched.path).unwrap(), b"archive");
    assert_eq!((fetched.origin, fetched.strip), (url, 1));
    assert_eq!(bench.archives(), [format!("{}-musl-1.0.tar.gz", hash())]);
    // The server is gone, and the network is forbidden.
    let again = bench.with(true, |fetcher| fetcher.fetch(&source(origins.clone())).unwrap());
    assert_eq!((again.origin.as_str(), again.path), ("the cache", fetched.path.clone()));
    // A damaged file is not used, but removed.
    fs_err::write(&fetched.path, "damaged").unwrap();
    let error = bench.fetch(&origins).unwrap_err();
    assert!(error.contains("every origin failed"), "{error}");
    assert!(bench.said.lock().unwrap().iter().any(|line| line.contains("removed from the cache")));
    assert!(bench.archives().is_empty());
}

#[test]
fn failed_downloads_are_told_and_leave_no_archive() {
    let now = Duration::ZERO;
    let answers: [(&'static [u8], Duration, &str); 6] = [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", now, "the server answers with status 404"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\narchive", now, "after 0.0 of 0.0 MB: the server hung up"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\narc", Duration::from_secs(1), "the server is silent"),
        (b"HTTP/1.1 200 OK\r\n", now, "the server hung up"),
        (b"", now, "the server hung up"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother", now, "wrong sha256: it is "),
    ];
    for (answer, linger, expected) in answers {
        let bench = FetchFixture::new();
        let url = serve(answer, 9, linger);
        let error = bench.fetch(&[origin(Locator::Url(url))]).unwrap_err();
        assert!(error.contains(expected), "{error}\nexpected: {expected}");
        assert!(error.contains("hint: get the archive with sha256"), "{error}");
        // What came of it is kept, but not as an archive.
        let left = bench.archives();
        assert!(left.len() <= 1 && left.iter().all(|name| *name == format!(".part-{}", hash())), "{left:?}");
        assert!(left.is_empty() || answer.windows(3).any(|bytes| bytes == b"arc"), "{expected}: {left:?}");
    }
}

#[test]
fn origins_are_tried_in_order_and_every_miss_is_told() {
    let bench = FetchFixture::new();
    let at = |path: &str| origin(Locator::Path(path.into()));
    fs_err::write(bench.folder.path().join("wrong"), "something else").unwrap();
    let url = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\narchive", 1, Duration::ZERO);
    let rustup = SourceOrigin {
        place: Locator::Rustup("rust-src".into()),
        sha256: None,
        strip: 6,
        layers: Vec::new(),
        lacks: Vec::new(),
        suites: Vec::new(),
    };
    let origins = vec![at("sources/not-there"), at("wrong"), rustup, origin(Locator::Url(url.clone()))];

    let error = bench.with(true, |fetcher| format!("{:#}", fetcher.fetch(&source(origins.clone())).unwrap_err()));
    let wanted = bench.folder.path().join("sources/not-there");
    let expected = [
        "fetching musl 1.0: every origin failed\n  sources/not-there: the file does not exist\n  wrong: wrong sha256",
        &format!("it is {}, expected {}\n", sha256(b"something else"), hash()),
        "\n  rustup's rust-src: the toolchain in ",
        &format!("\n  {url}: the network is forbidden (--offline)\n"),
        &format!("hint: get the archive with sha256 {} and put it at {}", hash(), wanted.display()),
    ];
    for expected in expected {
        assert!(error.contains(expected), "{error}\nexpected: {expected}");
    }

    bench.said.lock().unwrap().clear();
    assert_eq!(bench.fetch(&origins).unwrap().origin, url);
    let said = bench.said.lock().unwrap();
    assert!(said[0].starts_with("musl 1.0: not from sources/not-there: the file does not exist"), "{said:?}");
    assert!(said[1].starts_with("musl 1.0: not from wrong: wrong sha256"), "{said:?}");
    assert!(said[2].starts_with("musl 1.0: not from rustup's rust-src: "), "{said:?}");
}

#[test]
fn a_local_file_is_used_where_it_is() {
    let bench = FetchFixture::new();
    let path = bench.folder.path().join("here.tar");
    fs_err::write(&path, "archive").unwrap();
    let fetched = bench.fetch(&[origin(Locator::Path("here.tar".into()))]).unwrap();
    assert_eq!(
        fetched,
        Fetched { path: path.clone(), sha256: hash(), strip: 1, lacks: Vec::new(), origin: "here.tar".into() }
    );
    assert!(bench.archives().is_empty());
    fs_err::write(&path, "changed").unwrap();
    let error = bench.fetch(&[origin(Locator::Path("here.tar".into()))]).unwrap_err();
    assert!(error.contains("here.tar: wrong sha256"), "{error}");
}

#[test]
fn locating_needs_no_network() {
    let bench = FetchFixture::new();
    let url = "http://192.0.2.1/musl.tar.gz".to_owned();
    let origins = vec![origin(Locator::Path("here.tar".into())), origin(Locator::Url(url.clone()))];
    let locate = || bench.with(false, |fetcher| fetcher.locate(&source(origins.clone())).unwrap());
    // Neither exists: the archive that could be fetched is assumed, at its path in the cache.
    let assumed = locate();
    assert_eq!(assumed.origin, url);
    assert_eq!(assumed.path, bench.cache().join("archives").join(format!("{}-musl.tar.gz", hash())));
    assert!(!assumed.path.is_file());
    fs_err::write(bench.folder.path().join("here.tar"), "archive").unwrap();
    assert_eq!(locate().origin, "here.tar");
    fs_err::create_dir_all(assumed.path.parent().unwrap()).unwrap();
    fs_err::write(&assumed.path, "archive").unwrap();
    assert_eq!(locate().origin, "the cache");
}

#[test]
fn what_an_interrupted_run_left_is_removed() {
    let bench = FetchFixture::new();
    let left = bench.cache().join("archives/.part-abc");
    fs_err::create_dir_all(left.parent().unwrap()).unwrap();
    fs_err::write(&left, "half").unwrap();
    let url = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\narchive", 1, Duration::ZERO);
    bench.fetch(&[origin(Locator::Url(url))]).unwrap();
    assert_eq!(bench.archives().len(), 1);
}
