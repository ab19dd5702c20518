//! Cuts one policy, with the categories, out of a template's text, because reading the whole of a browser's template
//! for each of its policies takes long. Only a finder: what it cuts out is read like a template, and where it finds
//! nothing the whole is read. It looks at every byte a few times at most: where something has no end, it gives up.

use super::Template;

/// A template with nothing but the policy of this name, if it can be cut out.
pub(in super::super) fn excerpt(text: &str, name: &str) -> Option<String> {
    let (mut categories, mut policies) = (String::new(), String::new());
    let quoted = [format!("\"{name}\""), format!("'{name}'")];
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        if let Some(after) = skip(rest) {
            rest = after?;
        } else if let Some(found) = element(rest, "categories", "</categories>") {
            let (_, element) = found?;
            categories.push_str(element);
            rest = &rest[element.len()..];
        } else if let Some(found) = element(rest, "policy", "</policy>") {
            let (tag, element) = found?;
            if quoted.iter().any(|quoted| tag.contains(quoted)) {
                policies.push_str(element);
            }
            rest = &rest[element.len()..];
        } else {
            rest = &rest[1..];
        }
    }
    let excerpt = format!("<policyDefinitions>{categories}<policies>{policies}</policies></policyDefinitions>");
    let is_there = Template::parse(&excerpt).is_ok_and(|template| template.find(name).is_some());
    is_there.then_some(excerpt)
}

/// What follows a comment and the like, if the text begins with one; `None` inside if it has no end.
fn skip(text: &str) -> Option<Option<&str>> {
    let ends = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];
    let (begin, end) = ends.into_iter().find(|(begin, _)| text.starts_with(begin))?;
    Some(text[begin.len()..].split_once(end).map(|(_, after)| after))
}

/// The start tag and the whole of the element that the text begins with, if it has this name; `None` inside if it has no
/// end.
fn element<'t>(text: &'t str, name: &str, end: &str) -> Option<Option<(&'t str, &'t str)>> {
    let after_name = text.strip_prefix('<')?.strip_prefix(name)?;
    let is_whole_name = after_name.starts_with(|next: char| next.is_ascii_whitespace() || next == '>' || next == '/');
    is_whole_name.then(|| whole(text, end))
}

fn whole<'t>(text: &'t str, end: &str) -> Option<(&'t str, &'t str)> {
    let mut quote = None;
    let tag_end = text.bytes().position(|byte| {
        match quote {
            Some(open) if open == byte => quote = None,
            None if byte == b'"' || byte == b'\'' => quote = Some(byte),
            _ => {}
        }
        quote.is_none() && byte == b'>'
    })?;
    let tag = &text[..=tag_end];
    if tag.ends_with("/>") {
        return Some((tag, tag));
    }
    let length = text.find(end)? + end.len();
    Some((tag, &text[..length]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let template = Template::parse(text).unwrap();
        template
            .elements("policies", "policy")
            .filter_map(|policy| Some(policy.attribute("name")?.to_owned()))
            .collect()
    }

    #[test]
    fn a_policy_that_is_cut_out_is_the_one_in_the_whole() {
        let text = include_str!("../tests/samples/chrome.admx");
        for name in names(text) {
            let excerpt = excerpt(text, &name).unwrap();
            let (part, whole) = (Template::parse(&excerpt).unwrap(), Template::parse(text).unwrap());
            let [part, whole] = [&part, &whole].map(|template| format!("{:?}", template.find(&name).unwrap().unwrap()));
            assert_eq!(part, whole);
            assert_eq!(names(&excerpt), [name]);
        }
    }

    #[test]
    fn what_is_commented_out_is_not_found_and_quotes_do_not_mislead() {
        let policy = |inner: &str| format!("<policyDefinitions><policies>{inner}</policies></policyDefinitions>");
        let real = "<policy key='K' title='a > b \" /' name='A' valueName='real'/>";
        for decoy in [
            "<!-- <policy key='K' name='A'/> -->",
            "<![CDATA[<policy name='A' key='K'/>]]>",
            "<?x <policy name='A'/> ?>",
        ] {
            assert_eq!(excerpt(&policy(decoy), "A"), None, "{decoy}");
            let found = excerpt(&policy(&format!("{decoy}{real}")), "A").unwrap();
            assert!(found.contains("real") && names(&found).len() == 1, "{found}");
        }
        let open_ended = "<policy key='K' name='A'><!-- </policy> --></policy>";
        assert_eq!(excerpt(&policy(open_ended), "A"), None);
    }

    /// Nearly as large as a template may be: with a search for the end of each, these would take many minutes.
    #[test]
    fn of_elements_without_an_end_only_the_first_is_searched_for_one() {
        for start in ["<policy ", "<policy>", "<policy a='", "<policy a='>'>", "<categories ", "<categories>"] {
            let text = format!("<policyDefinitions>{}", start.repeat((4 << 20) / start.len() - 4));
            assert_eq!(excerpt(&text, "A"), None, "{start}");
            assert!(Template::parse(&text).is_err(), "{start}");
        }
        let decoys = "<policy ".repeat(400_000);
        let text = format!(
            "<policyDefinitions><policies><policy name='A' key='K'/></policies><x y=\"{decoys}\"/></policyDefinitions>"
        );
        assert_eq!(excerpt(&text, "A"), None);
        assert!(Template::parse(&text).is_ok_and(|whole| whole.find("A").is_some()), "the whole is still read");
    }
}
