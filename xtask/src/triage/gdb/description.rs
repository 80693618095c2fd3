//! A stub's description of its registers, in XML.

/// A register in a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    pub name: String,
    /// Its number in the protocol.
    pub number: usize,
    /// Its width in bits.
    pub bits: usize,
    /// Index of its part of the description: the core, the vector unit, ….
    pub part: usize,
}

/// Names of the files that a description includes.
pub fn includes(xml: &str) -> Vec<String> {
    tags(xml, "xi:include").filter_map(|tag| attribute(tag, "href")).collect()
}

/// The registers in a part of a description. A register without a number follows the one before it; `next` is the first.
pub fn registers(xml: &str, part: usize, mut next: usize) -> Vec<Register> {
    let mut all = Vec::new();
    for tag in tags(xml, "reg") {
        let Some(name) = attribute(tag, "name") else { continue };
        let number = attribute(tag, "regnum").and_then(|number| number.parse().ok()).unwrap_or(next);
        let bits = attribute(tag, "bitsize").and_then(|bits| bits.parse().ok()).unwrap_or(0);
        next = number + 1;
        all.push(Register { name, number, bits, part });
    }
    all
}

/// The contents of all tags of this name. Descriptions are machine-made, so no comment contains such a tag.
fn tags<'a>(xml: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let named = move |part: &'a str| part.strip_prefix(name).filter(|rest| rest.starts_with([' ', '\n', '\t']));
    xml.split('<').filter_map(named).map(|rest| rest.split('>').next().unwrap_or(rest))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix("=\""))?;
    start.split('"').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_read() {
        let target = "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target><xi:include href=\"core.xml\"/>\
            <xi:include href=\"fp.xml\"/></target>";
        assert_eq!(includes(target), ["core.xml", "fp.xml"]);
        let core = "<feature name=\"org.x\">\n  <!-- the general ones -->\n  <reg name=\"r0\" bitsize=\"64\"/>\n  \
            <reg name=\"sp\" bitsize=\"64\" type=\"data_ptr\"/>\n  <reg name=\"pc\" bitsize=\"64\" type=\"code_ptr\" regnum=\"64\"/>\n  \
            <reg name=\"cr\" bitsize=\"32\"/></feature>";
        let found: Vec<(String, usize, usize)> =
            registers(core, 1, 0).into_iter().map(|reg| (reg.name, reg.number, reg.bits)).collect();
        let expected = [("r0", 0, 64), ("sp", 1, 64), ("pc", 64, 64), ("cr", 65, 32)];
        assert_eq!(found, expected.map(|(name, number, bits)| (name.into(), number, bits)));
    }
}
