//! The `schema` field that every JSON file of Bringup starts with.

use serde::Deserialize;

/// What a reader looks at first: the fields of another schema would give a misleading error.
#[derive(Deserialize)]
pub(crate) struct SchemaTag {
    pub(crate) schema: Option<String>,
}
