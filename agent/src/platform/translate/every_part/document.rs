//! Documents from lists of parts: the inverse of `mdm_protocol::csp::parts`.

use mdm_protocol::xml::XmlWriter;

/// Paths and values, in the order in which they are written. An attribute comes before what is inside its element.
pub(super) type List = Vec<(String, String)>;

/// A document with this root.
pub(super) fn document(root: &str, parts: &List) -> String {
    let mut xml = XmlWriter::new();
    write(&mut xml, root, &parts.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect::<Vec<_>>());
    xml.finish()
}

fn write(xml: &mut XmlWriter, name: &str, parts: &[(&str, &str)]) {
    let attributes: Vec<(&str, &str)> =
        parts.iter().filter_map(|(path, value)| Some((path.strip_prefix('@')?, *value))).collect();
    let inside: Vec<(&str, &str)> = parts.iter().filter(|(path, _)| !path.starts_with('@')).copied().collect();
    xml.element(name, &attributes, |xml| {
        if let [("", value)] = inside.as_slice() {
            return xml.text(value);
        }
        let mut rest = inside.as_slice();
        while let Some((path, _)) = rest.first() {
            let child = path.split('/').next().unwrap_or_default();
            let below =
                |path: &str| path == child || path.strip_prefix(child).is_some_and(|rest| rest.starts_with('/'));
            let count = rest.iter().take_while(|(path, _)| below(path)).count();
            let (mine, others) = rest.split_at(count);
            // A part without anything below it is an element of its own, however often it comes.
            let groups: Vec<&[(&str, &str)]> =
                if mine.iter().all(|(path, _)| *path == child) { mine.chunks(1).collect() } else { vec![mine] };
            for group in groups {
                let parts: Vec<(&str, &str)> =
                    group.iter().map(|(path, value)| (path[child.len()..].trim_start_matches('/'), *value)).collect();
                write(xml, child, &parts);
            }
            rest = others;
        }
    });
}

/// The list with a part set: in its place where it is there, else beside its next of kin.
pub(super) fn with(parts: &List, path: &str, value: &str) -> List {
    let mut parts = parts.clone();
    if let Some((_, known)) = parts.iter_mut().find(|(known, _)| known == path) {
        value.clone_into(known);
        return parts;
    }
    // What was an empty element has something inside now.
    parts.retain(|(known, _)| !path.starts_with(&format!("{known}/")));
    let kin = |known: &str| known.split('/').zip(path.split('/')).take_while(|(left, right)| left == right).count();
    let most = parts.iter().map(|(known, _)| kin(known)).max().unwrap_or(0);
    let place = parts.iter().position(|(known, _)| kin(known) == most).unwrap_or(0);
    let is_attribute = path.contains('@');
    let place = if is_attribute {
        place
    } else {
        parts.len() - parts.iter().rev().position(|(known, _)| kin(known) == most).unwrap_or(0)
    };
    parts.insert(place, (path.to_owned(), value.to_owned()));
    parts
}
