//! A crate whose C library is built by CMake: zlib-ng.
#![cfg(test)]

use libz_ng_sys::{Z_OK, compress2, compressBound, crc32, uncompress};

#[test]
fn there_and_back() {
    let text: Vec<u8> = (0..100_000u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
    // SAFETY: the buffers have the sizes that are passed.
    unsafe {
        for level in 1..=9 {
            let mut size = compressBound(text.len() as _);
            let mut small = vec![0; size as usize];
            assert_eq!(compress2(small.as_mut_ptr(), &mut size, text.as_ptr(), text.len() as _, level), Z_OK);
            let mut back = vec![0; text.len()];
            let mut length = back.len() as _;
            assert_eq!(uncompress(back.as_mut_ptr(), &mut length, small.as_ptr(), size), Z_OK);
            assert!(back == text && (size as usize) < text.len() / 2, "level {level}: {size}");
        }
    }
}

/// The check value of CRC-32: of the digits 1 to 9.
#[test]
fn checksum() {
    // SAFETY: the length is that of the text.
    assert_eq!(unsafe { crc32(0, b"123456789".as_ptr(), 9) }, 0xcbf4_3926);
}
