//! Downloads over HTTP.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bringup_model::digest::hex;
use bringup_runner::files::explain_full;
use bringup_runner::interrupt;
use fs_err::File;
use sha2::{Digest as _, Sha256};
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use super::unavailable::Unavailable;

const CHUNK: usize = 256 * 1024;
const SAY_EVERY: Duration = Duration::from_secs(5);

/// Time limits for a server.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Time limit for connecting.
    pub connect: Duration,
    /// Time limit for the next bytes. There is none for the whole download.
    pub stall: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), stall: Duration::from_secs(30) }
    }
}

enum Event {
    /// The server answers: whether it goes on after the bytes that are there, and how many it will send.
    Answer {
        resumed: bool,
        length: Option<u64>,
    },
    Bytes(Vec<u8>),
    Failed(anyhow::Error),
}

/// Downloads `url` to `file` and returns the sha256. What the file already has is the start of an earlier download. The
/// server is asked for the rest, or else the download starts again.
///
/// Uses the proxies of the usual environment variables, and the certificates of `SSL_CERT_FILE` if it is set.
pub fn download(url: &str, file: &mut File, patience: Patience, say: &dyn Fn(&str)) -> Result<String> {
    let agent = agent(patience)?;
    let mut hash = Sha256::new();
    let mut start = 0;
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            length => {
                hash.update(&chunk[..length]);
                start += length as u64;
            }
        }
    }
    say(&format!("downloading {url}"));
    let (sender, events) = sync_channel(4);
    // A thread waits for the network, so that Ctrl-C works meanwhile.
    let address = url.to_owned();
    std::thread::spawn(move || {
        if let Err(error) = request(&agent, &address, start, &sender) {
            // After an interrupt, nothing receives events.
            let _ = sender.send(Event::Failed(error));
        }
    });
    receive(&events, file, (hash, start), say)
}

/// Appends to the file, which has the bytes that are hashed.
fn receive(
    events: &Receiver<Event>,
    file: &mut File,
    (mut hash, start): (Sha256, u64),
    say: &dyn Fn(&str),
) -> Result<String> {
    let (mut received, mut length) = (0, None);
    let mut said = Instant::now();
    loop {
        interrupt::check()?;
        match events.recv_timeout(Duration::from_millis(100)) {
            Ok(Event::Answer { resumed, length: expected }) => {
                length = expected;
                if resumed {
                    say(&format!("goes on after {}", amount(start, None)));
                } else if start > 0 {
                    hash = Sha256::new();
                    file.set_len(0)?;
                    file.seek(SeekFrom::Start(0))?;
                }
            }
            Ok(Event::Bytes(bytes)) => {
                file.write_all(&bytes).map_err(explain_full)?;
                hash.update(&bytes);
                received += bytes.len() as u64;
            }
            Ok(Event::Failed(error)) if received == 0 => return Err(error),
            Ok(Event::Failed(error)) => return Err(error.context(format!("after {}", amount(received, length)))),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if said.elapsed() >= SAY_EVERY {
            say(&format!("downloaded {}", amount(received, length)));
            said = Instant::now();
        }
    }
    if length.is_some_and(|length| length != received) {
        let why = format!("the download ended early, after {}", amount(received, length));
        return Err(Unavailable::Network(why).into());
    }
    file.flush().map_err(explain_full)?;
    Ok(hex(&hash.finalize()))
}

fn request(agent: &Agent, url: &str, start: u64, sender: &SyncSender<Event>) -> Result<()> {
    let mut request = agent.get(url);
    if start > 0 {
        request = request.header("Range", format!("bytes={start}-"));
    }
    let response = match request.call() {
        // There is no rest: the file is complete, or longer than the server's.
        Err(ureq::Error::StatusCode(416)) => agent.get(url).call(),
        response => response,
    };
    let response = response.map_err(explain)?;
    let resumed = response.status() == 206;
    let mut body = response.into_body();
    sender.send(Event::Answer { resumed, length: body.content_length() })?;
    let mut reader = body.as_reader();
    loop {
        let mut chunk = vec![0; CHUNK];
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(length) => {
                chunk.truncate(length);
                sender.send(Event::Bytes(chunk))?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(explain(ureq::Error::from(error))),
        }
    }
}

fn agent(patience: Patience) -> Result<Agent> {
    let mut config = Agent::config_builder()
        .user_agent(concat!("bringup/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(patience.connect))
        .timeout_connect(Some(patience.connect))
        .timeout_recv_response(Some(patience.stall))
        .timeout_per_read(Some(patience.stall));
    if let Some(path) = std::env::var_os("SSL_CERT_FILE") {
        let pem = fs_err::read(&path).context("reading the certificates that SSL_CERT_FILE names")?;
        let certificates = parse_pem(&pem).filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        });
        config = config.tls_config(TlsConfig::builder().root_certs(RootCerts::from(certificates)).build());
    }
    Ok(config.build().into())
}

fn explain(error: ureq::Error) -> anyhow::Error {
    let why = match error {
        ureq::Error::StatusCode(code) => return Unavailable::Status(code).into(),
        ureq::Error::Timeout(_) => format!("the server is silent: {error}"),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            format!("the server hung up: {error}")
        }
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    };
    Unavailable::Network(why).into()
}

/// `12.5 of 88.2 MB`
fn amount(received: u64, length: Option<u64>) -> String {
    // Tenths of a megabyte, in integers.
    let mega = |bytes: u64| format!("{}.{}", bytes / 1_000_000, bytes / 100_000 % 10);
    match length {
        Some(length) => format!("{} of {} MB", mega(received), mega(length)),
        None => format!("{} MB", mega(received)),
    }
}
