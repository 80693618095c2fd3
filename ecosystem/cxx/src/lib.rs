//! C++ with its standard library below Rust: containers, streams, threads, and exceptions that become errors.
#![cfg(test)]

#[cxx::bridge]
mod ffi {
    unsafe extern "C++" {
        include!("try-cxx/src/words.h");
        type Words;
        fn make_words() -> UniquePtr<Words>;
        fn add(self: Pin<&mut Words>, word: &str);
        fn count(&self, word: &str) -> Result<u64>;
        fn sorted(&self) -> UniquePtr<CxxString>;
        fn roots(values: &[f64]) -> UniquePtr<CxxVector<f64>>;
    }
}

#[test]
fn containers_and_streams() {
    let mut words = ffi::make_words();
    "the cat and the dog and the bird".split(' ').for_each(|word| words.pin_mut().add(word));
    assert_eq!(words.sorted().to_str().unwrap(), "and=2 bird=1 cat=1 dog=1 the=3 ");
}

#[test]
fn exceptions() {
    let mut words = ffi::make_words();
    words.pin_mut().add("cat");
    assert_eq!(words.count("cat").unwrap(), 1);
    assert_eq!(words.count("cow").unwrap_err().what(), "no such word: cow");
}

#[test]
fn threads() {
    let roots = ffi::roots(&[0.25, 4.0, 1e300]);
    assert_eq!(roots.iter().copied().collect::<Vec<f64>>(), [0.5, 2.0, 1e150]);
}
