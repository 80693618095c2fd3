//! OpenSSL from its source: perl, make, the C compiler and kernel headers; then TLS between two threads.
#![cfg(test)]

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslConnector, SslMethod, SslVerifyMode};
use openssl::symm::{Cipher, encrypt_aead};
use openssl::x509::{X509, X509NameBuilder};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn hashes() {
    let of = |digest| hex(&openssl::hash::hash(digest, b"abc").unwrap());
    assert_eq!(of(MessageDigest::sha256()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(of(MessageDigest::md5()), "900150983cd24fb0d6963f7d28e17f72");
    assert_eq!(
        of(MessageDigest::sha3_256()),
        "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"
    );
}

/// The GCM specification, test case 2.
#[test]
fn aes_gcm() {
    let mut tag = [0; 16];
    let sealed = encrypt_aead(Cipher::aes_128_gcm(), &[0; 16], Some(&[0; 12]), &[], &[0; 16], &mut tag).unwrap();
    assert_eq!(hex(&sealed), "0388dace60b6a392f328c2b971b2fe78");
    assert_eq!(hex(&tag), "ab6e47d42cec13bdf53a67b21257bddf");
}

/// 2^521 - 1 is prime, 2^523 - 1 is not.
#[test]
fn big_numbers() {
    let mut context = openssl::bn::BigNumContext::new().unwrap();
    for (bits, is_prime) in [(521, true), (523, false)] {
        let mut number = BigNum::new().unwrap();
        number.set_bit(bits).unwrap();
        number.sub_word(1).unwrap();
        assert_eq!(number.is_prime(20, &mut context).unwrap(), is_prime, "2^{bits} - 1");
    }
}

#[test]
fn tls() {
    let (key, certificate) = identity();
    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls()).unwrap();
    acceptor.set_private_key(&key).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    let acceptor = acceptor.build();
    let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
    connector.cert_store_mut().add_cert(certificate).unwrap();
    connector.set_verify(SslVerifyMode::PEER);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let server = std::thread::spawn(move || {
        let mut stream = acceptor.accept(theirs).unwrap();
        let mut text = [0; 5];
        stream.read_exact(&mut text).unwrap();
        text.reverse();
        stream.write_all(&text).unwrap();
    });
    let mut stream = connector.build().connect("localhost", ours).unwrap();
    stream.write_all(b"hello").unwrap();
    let mut text = [0; 5];
    stream.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"olleh");
    server.join().unwrap();
}

fn identity() -> (PKey<Private>, X509) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "localhost").unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    let context = certificate.x509v3_context(None, None);
    let names = openssl::x509::extension::SubjectAlternativeName::new().dns("localhost").build(&context).unwrap();
    certificate.append_extension(names).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    (key, certificate.build())
}
