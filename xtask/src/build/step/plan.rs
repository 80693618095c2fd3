//! A plan: steps in build order, each with its digest and its folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bringup_model::digest::{Digest, Inputs};

use super::Step;

/// A step of a plan. Only [`Plan::add`] makes one.
///
/// A step that reads the result of another step holds the other step's id, not a path. While the step builds,
/// [`super::Work::path`] gives only the folders of the ids that [`Step::needs`] lists. The plan takes the digest's
/// entries from [`Step::needs`], too. So a step that does not list a step it reads always fails, and no result has a
/// digest that does not cover what the step has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(usize);

/// A step in a plan.
pub struct Node {
    /// The step.
    pub step: Box<dyn Step>,
    /// The digest over all inputs.
    pub digest: Digest,
    /// Its folder.
    pub path: PathBuf,
    /// The step's own inputs, and the digests of the required steps.
    pub inputs: Inputs,
}

impl Node {
    /// The step's name and label, for example `musl s390x`.
    pub fn title(&self) -> String {
        format!("{} {}", self.step.name(), self.step.label())
    }

    /// Whether the result exists.
    pub fn is_done(&self) -> bool {
        self.path.is_dir()
    }
}

/// Steps in build order.
pub struct Plan {
    out: PathBuf,
    nodes: Vec<Node>,
}

impl Plan {
    /// An empty plan for the out folder `out`.
    pub fn new(out: &Path) -> Self {
        Self { out: out.to_owned(), nodes: Vec::new() }
    }

    /// Adds a step. A step with the same digest is added only once.
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

    /// The step with this id.
    pub fn node(&self, id: StepId) -> &Node {
        &self.nodes[id.0]
    }

    /// The folder of the step's result, which need not be built yet. A step itself asks [`super::Work::path`].
    pub fn path(&self, id: StepId) -> &Path {
        &self.node(id).path
    }

    /// All steps, in build order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The step and everything that it requires, in build order.
    pub fn closure(&self, id: StepId) -> BTreeSet<StepId> {
        let mut all = BTreeSet::from([id]);
        for need in self.node(id).step.needs() {
            all.extend(self.closure(need));
        }
        all
    }
}
