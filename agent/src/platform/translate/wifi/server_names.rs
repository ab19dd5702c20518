//! The names that a server's certificate may have. Windows takes regular expressions; wpa_supplicant takes whole names and
//! endings of names, so those expressions are understood that say no more than that.

use mdm_protocol::csp::PayloadError;

use crate::platform::desired::Untranslatable;

/// The longest expression that is repeated in a message, in characters.
const SHOWN: usize = 80;

/// Names and endings of names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    exact: Vec<String>,
    endings: Vec<String>,
}

impl Names {
    /// Reads names and expressions.
    pub(super) fn parse(names: &[String]) -> Result<Self, Untranslatable> {
        let mut found = Self::default();
        for expression in names {
            let anchored = expression.strip_prefix('^').unwrap_or(expression);
            let anchored = anchored.strip_suffix('$').unwrap_or(anchored);
            // A dot that is not escaped stands for any character, and is meant as a dot.
            let plain = anchored.replace("\\.", ".");
            let ending = [".*.", "*.", "."].iter().find_map(|start| plain.strip_prefix(start));
            let name = ending.unwrap_or(&plain);
            if !is_name(name) {
                let shown: String = expression.chars().filter(char::is_ascii_graphic).take(SHOWN).collect();
                let reason = format!("the server name {shown} is neither a name nor an ending of names");
                return Err(PayloadError::unsupported("ServerNames", reason).into());
            }
            let list = if ending.is_some() { &mut found.endings } else { &mut found.exact };
            list.push(name.to_owned());
        }
        Ok(found)
    }

    /// NetworkManager's property for them, with its value; `None` where any name is taken. Both kinds of constraint
    /// would have to hold at once, and an ending holds for the whole name, too.
    pub(super) fn property(mut self) -> Option<(&'static str, String)> {
        match (self.exact.as_slice(), self.endings.as_slice()) {
            ([], []) => None,
            (exact, []) => Some(("domain-match", exact.join(";"))),
            _ => {
                self.endings.append(&mut self.exact);
                Some(("domain-suffix-match", self.endings.join(";")))
            }
        }
    }
}

fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn property(names: &[&str]) -> Result<Option<(&'static str, String)>, Untranslatable> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Names::parse(&names).map(Names::property)
    }

    #[test]
    fn expressions_that_are_a_name_or_an_ending_are_understood() {
        for (names, expected) in [
            (&["radius.example"][..], Some(("domain-match", "radius.example"))),
            (&["radius\\.example", "^nps\\.example$"], Some(("domain-match", "radius.example;nps.example"))),
            (&["srv1", "srv2", ".*\\.srv3\\.com"], Some(("domain-suffix-match", "srv3.com;srv1;srv2"))),
            (&["*.corp.example"], Some(("domain-suffix-match", "corp.example"))),
            (&[".*.corp.example"], Some(("domain-suffix-match", "corp.example"))),
            (&[], None),
        ] {
            let expected = expected.map(|(property, value)| (property, value.to_owned()));
            assert_eq!(property(names).unwrap(), expected, "{names:?}");
        }
    }

    #[test]
    fn any_other_expression_is_refused_by_name() {
        for expression in
            ["^nps0[12]\\.contoso\\.example$", "a|b.example", ".*corp.example", ".*", "", "a..b", "x\\d.y"]
        {
            let error = property(&[expression]).unwrap_err();
            let Untranslatable::Refused(refusal) = error else { panic!("{expression}") };
            assert_eq!(refusal.status, mdm_protocol::syncml::StatusCode::NOT_SUPPORTED);
            assert!(refusal.reason.contains(expression), "{}", refusal.reason);
        }
    }
}
