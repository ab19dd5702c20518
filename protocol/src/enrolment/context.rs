//! What a device says of itself when it asks for its certificate.

use crate::xml::{Element, XmlWriter};

/// Names of context items that servers of this family look for.
pub mod item {
    /// The name of the machine.
    pub const DEVICE_NAME: &str = "DeviceName";
    /// The id under which the device will speak.
    pub const DEVICE_ID: &str = "DeviceID";
    /// The id of the hardware.
    pub const HARDWARE_ID: &str = "HWDevID";
    /// `Full` for a user's device, `Device` for one without a user.
    pub const ENROLLMENT_TYPE: &str = "EnrollmentType";
    /// The platform, always `CIMClient_Windows` in this family.
    pub const DEVICE_TYPE: &str = "DeviceType";
    /// The version of the operating system.
    pub const OS_VERSION: &str = "OSVersion";
    /// The edition of the operating system, a number.
    pub const OS_EDITION: &str = "OSEdition";
    /// The version of the client.
    pub const APPLICATION_VERSION: &str = "ApplicationVersion";
}

/// Named values, in order; a name may occur several times (one `MAC` per network card, say).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AdditionalContext(pub Vec<(String, String)>);

impl AdditionalContext {
    /// Appends a value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// The first value with this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(item, _)| item == name).map(|(_, value)| value.as_str())
    }

    /// All values with this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(item, _)| item == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn read(element: Element<'_>) -> Self {
        let items = element.children_named("ContextItem").filter_map(|item| {
            Some((item.attribute("Name")?.to_owned(), item.child_text("Value").unwrap_or_default().to_owned()))
        });
        Self(items.collect())
    }

    pub(super) fn write(&self, xml: &mut XmlWriter) {
        for (name, value) in &self.0 {
            xml.element("ac:ContextItem", &[("Name", name)], |xml| xml.text_leaf("ac:Value", value));
        }
    }
}
