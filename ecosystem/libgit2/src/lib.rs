//! libgit2 from its source, with zlib and its own HTTP parser.
#![cfg(test)]

use git2::{ObjectType, Oid, Repository, Signature, Time};

#[test]
fn a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::init(folder.path()).unwrap();
    // What git itself gives for these contents.
    let blob = repository.blob(b"hello\n").unwrap();
    assert_eq!(blob, Oid::from_str("ce013625030ba8dba906f756967f9e9ca394464a").unwrap());
    let mut tree = repository.treebuilder(None).unwrap();
    tree.insert("hello", blob, 0o100_644).unwrap();
    let tree = tree.write().unwrap();
    assert_eq!(tree, Oid::from_str("b4d01e9b0c4a9356736dfddf8830ba9a54f5271c").unwrap());
    let author = Signature::new("A", "a@example.org", &Time::new(4_102_444_800, 60)).unwrap();
    let tree = repository.find_tree(tree).unwrap();
    let commit = repository.commit(Some("HEAD"), &author, &author, "first", &tree, &[]).unwrap();
    let read = repository.find_commit(commit).unwrap();
    assert_eq!(read.time().seconds(), 4_102_444_800);
    let object = read.tree().unwrap().get_name("hello").unwrap().to_object(&repository).unwrap();
    assert_eq!((object.kind(), object.id()), (Some(ObjectType::Blob), blob));
}

/// Packing and reading packs back: zlib, sorting, and large offsets.
#[test]
fn a_pack() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::init_bare(folder.path()).unwrap();
    let contents: Vec<Vec<u8>> = (0..50u8).map(|i| vec![i; usize::from(i) * 100]).collect();
    let ids: Vec<Oid> = contents.iter().map(|content| repository.blob(content).unwrap()).collect();
    let mut pack = git2::Buf::new();
    let mut builder = repository.packbuilder().unwrap();
    ids.iter().for_each(|id| builder.insert_object(*id, None).unwrap());
    builder.write_buf(&mut pack).unwrap();
    let other = tempfile::tempdir().unwrap();
    let other = Repository::init_bare(other.path()).unwrap();
    let database = other.odb().unwrap();
    let mut writer = database.packwriter().unwrap();
    std::io::Write::write_all(&mut writer, &pack).unwrap();
    writer.commit().unwrap();
    for (id, content) in ids.iter().zip(&contents) {
        assert_eq!(other.find_blob(*id).unwrap().content(), content);
    }
}
