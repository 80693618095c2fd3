//! A small tree and a series for it, for the tests of this module.

use std::path::Path;

use bringup_model::pins::{Source, SourceLayer};
use bringup_model::series::{Patch, Series};

/// The pristine tree.
pub const TREE: [(&str, &str); 2] =
    [("src/count.txt", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n"), ("other.txt", "untouched\n")];

/// Writes files below a folder.
pub fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
}

/// The source of the series: one layer, with the whole tree.
pub fn source() -> Source {
    Source {
        name: "musl",
        version: "1.0".into(),
        series: "1.0".into(),
        release: None,
        layers: vec![SourceLayer { name: "libc".into(), folders: Vec::new() }],
        compiler: None,
        leave_out: None,
        origins: Vec::new(),
    }
}

/// Two patches, exactly as `patch refresh` writes them.
pub fn series() -> Series {
    let patch = |file: &str, text: &str| Patch { file: file.into(), text: text.into() };
    Series {
        source: "musl".into(),
        version: "1.0".into(),
        patches: vec![patch("0001-Spell-ten.patch", FIRST), patch("0002-Spell-twelve.patch", SECOND)],
        ..Series::default()
    }
}

/// Puts the series into a project folder.
pub fn install(root: &Path, list: &str) {
    let folder = super::load::folder(root, "musl", "1.0");
    write(&folder, &[("series", list), ("0001-Spell-ten.patch", FIRST), ("0002-Spell-twelve.patch", SECOND)]);
}

const FIRST: &str = "\
From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
From: A U Thor <author@example.org>
Date: Thu, 1 Jan 2026 12:00:00 +0200
Subject: [PATCH] Spell ten

Digits are hard to read.

Upstream-Status: Pending
Targets: all
Proof: proofs/proof.c

diff --git a/src/count.txt b/src/count.txt
index 469c856b4ede84a9b76e1224ebb9e3eb7765848b..84663aeca928c42ea56d1aefb54bd9162d557a65 100644
--- a/src/count.txt
+++ b/src/count.txt
@@ -7,7 +7,7 @@
 7
 8
 9
-10
+ten
 11
 12
 13
";

const SECOND: &str = "\
From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
From: A U Thor <author@example.org>
Date: Thu, 1 Jan 2026 12:00:01 +0200
Subject: [PATCH] Spell twelve
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit

As ten. Ünd with a letter that ASCII lacks.

Upstream-Status: Inappropriate [test]
Targets: all
Proof: proofs/proof.c

diff --git a/new.txt b/new.txt
new file mode 100644
index 0000000000000000000000000000000000000000..3e757656cf36eca53338e520d134963a44f793f8
--- /dev/null
+++ b/new.txt
@@ -0,0 +1 @@
+new
diff --git a/src/count.txt b/src/count.txt
index 84663aeca928c42ea56d1aefb54bd9162d557a65..622eca0e6b88cad4603fc27995bbfa9ba5bdd797 100644
--- a/src/count.txt
+++ b/src/count.txt
@@ -9,7 +9,7 @@
 9
 ten
 11
-12
+twelve
 13
 14
 15
";
