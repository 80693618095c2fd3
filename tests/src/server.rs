//! A file server on the loopback, which can give a part of a file.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The files by their path in the address, and the requests.
#[derive(Default)]
struct Served {
    files: BTreeMap<String, Vec<u8>>,
    /// The path of each request, and its `Range`.
    requests: Vec<String>,
    /// How many bytes of a file to send before hanging up.
    breaks: BTreeMap<String, usize>,
}

/// Serves files until the test ends.
pub struct FileServer {
    served: Arc<Mutex<Served>>,
    address: String,
}

impl FileServer {
    /// A server without files.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::new(Mutex::new(Served::default()));
        let of_thread = Arc::clone(&served);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(&mut stream.unwrap(), &of_thread);
            }
        });
        Self { served, address }
    }

    /// Its address, without a slash at the end.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Serves these bytes at a path, which begins with a slash.
    pub fn serve(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.served.lock().unwrap().files.insert(path.to_owned(), bytes.into());
    }

    /// Serves nothing at a path any longer.
    pub fn remove(&self, path: &str) {
        self.served.lock().unwrap().files.remove(path).unwrap();
    }

    /// Hangs up once, after this many bytes of a file.
    pub fn break_after(&self, path: &str, bytes: usize) {
        self.served.lock().unwrap().breaks.insert(path.to_owned(), bytes);
    }

    /// The requests since the last call: paths, with the range if one was asked for.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.served.lock().unwrap().requests)
    }
}

fn answer(stream: &mut TcpStream, served: &Mutex<Served>) {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut chunk) {
            Ok(length) if length > 0 => request.extend(&chunk[..length]),
            _ => return,
        }
    }
    let request = String::from_utf8(request).unwrap();
    let path = request.split(' ').nth(1).unwrap();
    let range = request.lines().find_map(|line| line.to_lowercase().strip_prefix("range: ").map(str::to_owned));
    let mut served = served.lock().unwrap();
    served.requests.push([path].into_iter().chain(range.as_deref()).collect::<Vec<_>>().join(" "));
    let Some(file) = served.files.get(path).cloned() else {
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    };
    let start = range.map_or(0, |range| range.strip_prefix("bytes=").unwrap().trim_end_matches('-').parse().unwrap());
    let status = if start > 0 { "206 Partial Content" } else { "200 OK" };
    let body = &file[start..];
    let end = served.breaks.remove(path).unwrap_or(body.len());
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body[..end]));
}
