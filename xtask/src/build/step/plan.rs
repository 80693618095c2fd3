//! A plan: steps in an order in which they can be built, each with its digest and its folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bringup_model::digest::{Digest, Inputs};

use super::Step;

/// A step of a plan. Only [`Plan::add`] makes one.
///
/// A step that reads the result of another step holds its id and no path. While the step builds, [`super::Work::path`]
/// gives the folders of those ids that [`Step::needs`] names and of no others, and the plan takes the digest's entries from
/// [`Step::needs`], too. So a step that leaves out a need fails each time it is built: there is no result whose digest
/// does not cover what the step has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(usize);

/// A step and what the plan knows of it.
pub struct Node {
    /// The step.
    pub step: Box<dyn Step>,
    /// Over all of its inputs.
    pub digest: Digest,
    /// Its folder.
    pub path: PathBuf,
    /// Its own inputs, and the digests of the steps it needs.
    pub inputs: Inputs,
}

impl Node {
    /// `musl s390x`
    pub fn title(&self) -> String {
        format!("{} {}", self.step.name(), self.step.label())
    }

    /// Whether it is built.
    pub fn is_done(&self) -> bool {
        self.path.is_dir()
    }
}

/// Steps in an order in which they can be built.
pub struct Plan {
    out: PathBuf,
    nodes: Vec<Node>,
}

impl Plan {
    /// An empty plan for the out folder `out`.
    pub fn new(out: &Path) -> Self {
        Self { out: out.to_owned(), nodes: Vec::new() }
    }

    /// Adds a step. The same step twice is one step.
    pub fn add(&mut self, step: impl Step + 'static) -> StepId {
        let mut inputs = Inputs::new().add("step", step.name()).add("label", step.label());
        inputs = inputs.add("recipe", step.recipe().to_string()).append(&step.inputs());
        for need in step.needs() {
            let node = self.node(need);
            inputs = inputs.add(&node.title(), node.digest.as_str());
        }
        let digest = inputs.digest();
        if let Some(index) = self.nodes.iter().position(|node| node.digest == digest) {
            return StepId(index);
        }
        let path = self.out.join(step.name()).join(format!("{}-{}", step.label(), digest.short()));
        self.nodes.push(Node { step: Box::new(step), digest, path, inputs });
        StepId(self.nodes.len() - 1)
    }

    /// The step's entry.
    pub fn node(&self, id: StepId) -> &Node {
        &self.nodes[id.0]
    }

    /// Where the step's result is, or will be: for those who use results. A step asks [`super::Work::path`].
    pub fn path(&self, id: StepId) -> &Path {
        &self.node(id).path
    }

    /// All steps, in order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The step and all that it needs, in order.
    pub fn closure(&self, id: StepId) -> BTreeSet<StepId> {
        let mut all = BTreeSet::from([id]);
        for need in self.node(id).step.needs() {
            all.extend(self.closure(need));
        }
        all
    }
}
