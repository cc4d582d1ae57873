//! Can a stranger's body harm the parsers? Nothing is signed yet when these run.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wxbridge::envelope::{self, Format, Node, outer, tree::DEPTH_MAX};

fuzz_target!(|body: &[u8]| {
    let _ = outer::parse(body);
    let Ok(fields) = envelope::parse(body) else { return };
    for (name, node) in &fields.0 {
        assert!(fields.get(name).is_some());
        assert!(depth(node) <= 2 * DEPTH_MAX);
    }
    // What we write about a body is JSON that we read back the same. (Doubled names of lists in a JSON body become lists
    // of lists, which count as deeper.)
    let json = fields.to_json();
    if Format::of(body) == Some(Format::Xml) {
        let again = envelope::parse(json.as_bytes()).expect("our own JSON");
        assert_eq!(again.to_json(), json);
    }
});

fn depth(node: &Node) -> usize {
    match node {
        Node::Text(_) | Node::Literal(_) => 1,
        Node::Fields(fields, _) => 1 + fields.0.iter().map(|(_, node)| depth(node)).max().unwrap_or(0),
        Node::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
    }
}
