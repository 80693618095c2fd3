//! zstd's C, with threads and assembly where it has some.
#![cfg(test)]

/// Text with repetitions at many distances, from a generator with a fixed seed.
fn text(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut text: Vec<u8> = Vec::with_capacity(length);
    while text.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let back = (state >> 8) as usize % (text.len() + 1);
        match state >> 30 {
            0 => text.push((state >> 16) as u8),
            _ => text.extend_from_within(back..(back + 17).min(text.len())),
        }
    }
    text
}

#[test]
fn there_and_back() {
    let text = text(300_000);
    for level in [-5, 1, 3, 9, 19] {
        let small = zstd::encode_all(text.as_slice(), level).unwrap();
        assert!(small.len() < text.len() / 2, "level {level}: {}", small.len());
        assert_eq!(small[..4], [0x28, 0xb5, 0x2f, 0xfd]);
        assert!(zstd::decode_all(small.as_slice()).unwrap() == text, "level {level}");
    }
}

/// A frame with one raw block, written by hand from RFC 8878.
#[test]
fn a_frame_of_another_program() {
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 5, 0x29, 0, 0, b'h', b'e', b'l', b'l', b'o'];
    assert_eq!(zstd::decode_all(frame.as_slice()).unwrap(), b"hello");
    // SAFETY: the function only reads a constant.
    assert_eq!(unsafe { zstd_sys::ZSTD_versionNumber() }, 10507);
}
