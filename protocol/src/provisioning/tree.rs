//! The document as a tree of characteristics and parameters.

use std::fmt;

use crate::secret::Secret;
use crate::xml::{Document, Element, Limits, XmlError, XmlWriter};

/// A named value. `value` is `None` where the parameter's mere presence says something. `Debug` hides the value, which
/// may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Parameter {
    /// The name, case-sensitive.
    pub name: String,
    /// The value.
    pub value: Option<String>,
    /// `string`, `integer` or `boolean`, where it is said.
    pub data_type: Option<String>,
}

/// A named group of parameters and groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Characteristic {
    /// The name, case-sensitive.
    pub kind: String,
    /// The parameters directly inside.
    pub parameters: Vec<Parameter>,
    /// The groups directly inside.
    pub children: Vec<Self>,
}

/// A whole document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WapDocument {
    /// The outermost groups.
    pub characteristics: Vec<Characteristic>,
}

impl fmt::Debug for Parameter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Parameter")
            .field("name", &self.name)
            .field("value", &self.value.as_ref().map(|value| format!("{} bytes", value.len())))
            .field("data_type", &self.data_type)
            .finish()
    }
}

impl Characteristic {
    /// An empty group.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), ..Self::default() }
    }

    /// Appends a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.parameters.push(Parameter { name: name.to_owned(), value: Some(value.into()), data_type: None });
        self
    }

    /// Appends a parameter with a data type.
    #[must_use]
    pub fn with_typed(mut self, name: &str, value: impl Into<String>, data_type: &str) -> Self {
        let data_type = Some(data_type.to_owned());
        self.parameters.push(Parameter { name: name.to_owned(), value: Some(value.into()), data_type });
        self
    }

    /// Appends a group.
    #[must_use]
    pub fn with_child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// The value of a parameter; empty where the parameter has none.
    pub fn value(&self, name: &str) -> Option<&str> {
        let parameter = self.parameters.iter().find(|parameter| parameter.name == name)?;
        Some(parameter.value.as_deref().unwrap_or_default().trim())
    }

    /// The value of a parameter to the letter: white space at its ends may be part of a secret.
    pub(super) fn secret(&self, name: &str) -> Secret {
        let parameter = self.parameters.iter().find(|parameter| parameter.name == name);
        Secret::new(parameter.and_then(|parameter| parameter.value.as_deref()).unwrap_or_default())
    }

    /// All direct groups with this name; several of one name count as one.
    pub fn children_of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.kind == kind)
    }
}

impl WapDocument {
    /// Reads a document within [`Limits::ENROLMENT`].
    pub fn decode(bytes: &[u8]) -> Result<Self, XmlError> {
        let document = Document::parse(bytes, &Limits::ENROLMENT)?;
        let root = document.root_named("wap-provisioningdoc")?;
        Ok(Self { characteristics: root.children_named("characteristic").map(read).collect() })
    }

    /// Writes the document.
    pub fn encode(&self) -> String {
        let mut xml = XmlWriter::new();
        xml.element("wap-provisioningdoc", &[("version", "1.1")], |xml| {
            self.characteristics.iter().for_each(|each| write(xml, each));
        });
        xml.finish()
    }

    /// All groups at the end of a path of names; groups of one name count as one.
    pub fn at<'a>(&'a self, path: &[&str]) -> Vec<&'a Characteristic> {
        let Some((first, rest)) = path.split_first() else { return Vec::new() };
        let start = self.characteristics.iter().filter(|each| each.kind == *first).collect();
        rest.iter().fold(start, |groups: Vec<&Characteristic>, name| {
            groups.into_iter().flat_map(|group| &group.children).filter(|child| child.kind == *name).collect()
        })
    }
}

fn read(element: Element<'_>) -> Characteristic {
    let attribute = |element: Element<'_>, name| element.attribute(name).map(str::to_owned);
    let parameters = element.children_named("parm").map(|parameter| Parameter {
        name: attribute(parameter, "name").unwrap_or_default(),
        value: attribute(parameter, "value"),
        data_type: attribute(parameter, "datatype"),
    });
    Characteristic {
        kind: attribute(element, "type").unwrap_or_default(),
        parameters: parameters.collect(),
        children: element.children_named("characteristic").map(read).collect(),
    }
}

fn write(xml: &mut XmlWriter, group: &Characteristic) {
    xml.element("characteristic", &[("type", group.kind.as_str())], |xml| {
        for parameter in &group.parameters {
            let mut attributes = vec![("name", parameter.name.as_str())];
            attributes.extend(parameter.value.as_deref().map(|value| ("value", value)));
            attributes.extend(parameter.data_type.as_deref().map(|data_type| ("datatype", data_type)));
            xml.empty("parm", &attributes);
        }
        group.children.iter().for_each(|child| write(xml, child));
    });
}
