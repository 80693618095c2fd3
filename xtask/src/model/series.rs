//! A patch series: an ordered list of patches over one source, and what each patch says of itself.

/// One patch file, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// File name: `NNNN-title.patch`.
    pub file: String,
    /// The whole file.
    pub text: String,
}

/// The patches of one source and version, in the order of the `series` file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Series {
    /// In order.
    pub patches: Vec<Patch>,
}
