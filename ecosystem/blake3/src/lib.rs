//! Its assembly and C, chosen by architecture, against the published values.
#![cfg(test)]

/// From the specification's test vectors: of the empty input, and of 102,400 bytes that count from 0 to 250.
const EMPTY: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
const LONG: &str = "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085";

#[test]
fn published_values() {
    assert_eq!(blake3::hash(b"").to_hex().as_str(), EMPTY);
    let input: Vec<u8> = (0..102_400u32).map(|i| (i % 251) as u8).collect();
    assert_eq!(blake3::hash(&input).to_hex().as_str(), LONG);
}

/// Parts of odd lengths take other ways through the vector code.
#[test]
fn in_parts() {
    let input: Vec<u8> = (0..102_400u32).map(|i| (i % 251) as u8).collect();
    for length in [1, 63, 64, 65, 1023, 1024, 1025, 4097] {
        let mut hasher = blake3::Hasher::new();
        input.chunks(length).for_each(|part| {
            hasher.update(part);
        });
        assert_eq!(hasher.finalize().to_hex().as_str(), LONG, "{length}");
    }
}
