use super::*;

fn elf(text: &str) -> Result<Elf, String> {
    let file: ElfFile = toml::from_str(&format!("machine = \"ARM\"\nclass = 32\nendian = \"little\"\n{text}")).unwrap();
    file.validate()
}

/// The error of a section of attributes with this value.
fn value(text: &str) -> String {
    let why = elf(&format!("[abi.\".s\"]\nvendor = \"v\"\ntext-tags = [5]\nvalues.it = {text}")).unwrap_err();
    why.strip_prefix("[elf.abi.\".s\"] it: ").unwrap().into()
}

#[test]
fn flags_are_none_unless_given_and_an_objects_are_the_same() {
    let none = elf("").unwrap();
    assert_eq!((none.flags, none.object_flags), (vec![0], vec![0]));
    let same = elf("flags = [0x5]").unwrap();
    assert_eq!((same.flags, same.object_flags), (vec![5], vec![5]));
    let own = elf("flags = [5]\nobject-flags = [1, 4]").unwrap();
    assert_eq!((own.flags, own.object_flags), (vec![5], vec![1, 4]));
    assert!(elf("flags = []").unwrap_err().starts_with("[elf] flags: "));
    assert!(elf("flags = [1]\nobject-flags = []").unwrap_err().starts_with("[elf] object-flags: "));
}

#[test]
fn a_value_is_a_tag_or_a_byte_with_one_condition() {
    for text in ["{ tag = 6 }", "{ tag = 6, is = [] }", "{ tag = 6, is = [1], max = 2 }"] {
        assert_eq!(value(text), "expected either `is`, a list of values, or `max`");
    }
    for text in ["{ is = [1] }", "{ byte = 6, is = [1] }", "{ tag = 6, byte = 6, is = [1] }"] {
        assert_eq!(value(text), "with a `vendor`, `tag` is required");
    }
    for tag in [5, 67] {
        let why = value(&format!("{{ tag = {tag}, max = 1 }}"));
        assert_eq!(why, format!("the value of tag {tag} is text, and only numbers can be checked"));
    }
    for text in ["{ tag = 6, is = [1] }", "{ byte = 6, is = [1], with = 2 }", "{ max = 1 }"] {
        let why = elf(&format!("[abi.\".s\"]\nvalues.it = {text}")).unwrap_err();
        assert_eq!(why, "[elf.abi.\".s\"] it: without a `vendor`, `byte` is required and tags are not allowed");
    }
    assert!(elf("[abi.\".s\"]\ntext-tags = [4]\nvalues = {}").unwrap_err().contains("text-tags: "));
}

#[test]
fn odd_tags_above_32_have_a_text() {
    let elf = elf("[abi.\".s\"]\nvendor = \"v\"\ntext-tags = [4, 5]\nvalues = {}").unwrap();
    let text = |tag| elf.abi[".s"].encoding.is_text(tag);
    assert_eq!([4, 5, 33, 65, 67].map(text), [true; 5]);
    assert_eq!([6, 7, 31, 32, 34, 64].map(text), [false; 6]);
}
