//! Its C and assembly: hashes, signatures and encryption, against published values.
#![cfg(test)]

use ring::aead::{AES_128_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use ring::{agreement, digest, hmac};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn hashes() {
    let sha256 = digest::digest(&digest::SHA256, b"abc");
    assert_eq!(sha256.as_ref(), hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, b"abc");
    assert_eq!(sha1.as_ref(), hex("a9993e364706816aba3e25717850c26c9cd0d89d"));
    // RFC 4231, test case 2.
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"Jefe"), b"what do ya want for nothing?");
    assert_eq!(tag.as_ref(), hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
}

/// RFC 8032, section 7.1, test 1.
#[test]
fn ed25519() {
    let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    let key = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    assert_eq!(key.public_key().as_ref(), hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
    let signature = key.sign(b"");
    assert_eq!(
        signature.as_ref(),
        hex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")
    );
    UnparsedPublicKey::new(&ED25519, key.public_key().as_ref()).verify(b"", signature.as_ref()).unwrap();
}

/// The GCM specification, test case 2: a zero key, nonce and block.
#[test]
fn aes_gcm() {
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[0; 16]).unwrap());
    let mut data = vec![0; 16];
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key([0; 12]), Aad::empty(), &mut data).unwrap();
    assert_eq!(data, hex("0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf"));
    let opened = key.open_in_place(Nonce::assume_unique_for_key([0; 12]), Aad::empty(), &mut data).unwrap();
    assert_eq!(opened, [0; 16]);
}

#[test]
fn chacha20_poly1305() {
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &[7; 32]).unwrap());
    for length in [0, 1, 15, 16, 17, 255, 1024, 5000] {
        let text: Vec<u8> = (0..length).map(|i| (i % 256) as u8).collect();
        let mut data = text.clone();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key([1; 12]), Aad::from(b"aad"), &mut data).unwrap();
        let opened = key.open_in_place(Nonce::assume_unique_for_key([1; 12]), Aad::from(b"aad"), &mut data).unwrap();
        assert_eq!(opened, text);
        data[0] ^= 1;
        assert!(key.open_in_place(Nonce::assume_unique_for_key([1; 12]), Aad::from(b"aad"), &mut data).is_err());
    }
}

#[test]
fn elliptic_curves() {
    let random = SystemRandom::new();
    random.fill(&mut [0; 64]).unwrap();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let signature = key.sign(&random, b"text").unwrap();
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key().as_ref());
    public.verify(b"text", signature.as_ref()).unwrap();
    assert!(public.verify(b"texu", signature.as_ref()).is_err());
    for algorithm in [&agreement::X25519, &agreement::ECDH_P256, &agreement::ECDH_P384] {
        let [a, b] = [0, 1].map(|_| agreement::EphemeralPrivateKey::generate(algorithm, &random).unwrap());
        let [for_a, for_b] = [&b, &a].map(|key| agreement::UnparsedPublicKey::new(algorithm, key.compute_public_key().unwrap()));
        let secret = |key, public: &agreement::UnparsedPublicKey<agreement::PublicKey>| {
            agreement::agree_ephemeral(key, public, <[u8]>::to_vec).unwrap()
        };
        assert_eq!(secret(a, &for_a), secret(b, &for_b));
    }
}
