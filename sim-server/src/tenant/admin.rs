//! Administrators: who they are by their token, and what their role lets them do.

use mdm_protocol::Secret;
use serde::{Deserialize, Serialize};

use super::record::RecordKind;
use super::token::token_key;
use super::{AdminError, Tenant, is_addressable};

/// What an administrator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything but what only support does.
    GlobalAdministrator,
    /// Everything that has to do with devices, but not other administrators.
    IntuneAdministrator,
    /// What helps a user with a device.
    Helpdesk,
    /// Moves devices without a user between authorities, and nothing else.
    Support,
    /// Looks only.
    Reader,
}

/// An administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admin {
    /// The name, as the audit has it.
    pub name: String,
    /// What the administrator may do.
    pub role: Role,
    /// Whether the administrator holds an Intune licence.
    pub licensed: bool,
}

/// An administrator as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AdminRecord {
    admin: Admin,
    /// The digest of the token.
    token: String,
}

/// What a request does, as far as roles tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Look,
    HelpWithDevice,
    MoveUserlessDevice,
    Administrate,
    AppointAdministrators,
}

impl Admin {
    /// Whoever holds the token that the server was started with.
    pub fn owner() -> Self {
        Self { name: "owner".to_owned(), role: Role::GlobalAdministrator, licensed: true }
    }

    /// Whether the administrator may make this request; the path is that below `/api/v1`.
    pub fn may(&self, method: &str, path: &str) -> bool {
        let deed = Deed::of(method, path);
        match self.role {
            Role::GlobalAdministrator => deed != Deed::MoveUserlessDevice,
            Role::IntuneAdministrator => matches!(deed, Deed::Look | Deed::HelpWithDevice | Deed::Administrate),
            Role::Helpdesk => matches!(deed, Deed::Look | Deed::HelpWithDevice),
            Role::Support => matches!(deed, Deed::Look | Deed::MoveUserlessDevice),
            Role::Reader => deed == Deed::Look,
        }
    }
}

impl Deed {
    fn of(method: &str, path: &str) -> Self {
        if matches!(method, "GET" | "HEAD") {
            return Self::Look;
        }
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        match segments[..] {
            ["admins", ..] => Self::AppointAdministrators,
            ["devices", _, "authority"] => Self::MoveUserlessDevice,
            // A queued command can do whatever the server can, a move to another authority among it.
            ["devices", _, "user"] | ["devices", _, "commands" | "wipe", ..] => Self::Administrate,
            ["devices", _, _, ..] => Self::HelpWithDevice,
            _ => Self::Administrate,
        }
    }
}

impl Tenant {
    /// Appoints an administrator with a fresh random token.
    pub fn add_admin(&mut self, admin: Admin, token: &Secret) -> Result<Admin, AdminError> {
        if admin.name.chars().count() > 128 || !is_addressable(&admin.name) {
            return Err(AdminError::Invalid(
                "an administrator's name must have 1 to 128 characters, without control characters and slashes".into(),
            ));
        }
        if self.admins.contains_key(&admin.name) || admin.name == Admin::owner().name {
            return Err(AdminError::Conflict(format!("there is an administrator {:?} already", admin.name)));
        }
        let record = AdminRecord { admin: admin.clone(), token: token_key(token.expose().as_bytes()) };
        self.admins.insert(admin.name.clone(), record);
        self.note(RecordKind::Admin, admin.name.clone());
        Ok(admin)
    }

    /// Dismisses an administrator.
    pub fn remove_admin(&mut self, name: &str) -> Result<(), AdminError> {
        self.admins.remove(name).ok_or_else(|| AdminError::no_such("administrator", name))?;
        self.note(RecordKind::Admin, name);
        Ok(())
    }

    /// All administrators who were appointed.
    pub fn admins(&self) -> Vec<Admin> {
        self.admins.values().map(|record| record.admin.clone()).collect()
    }

    /// Whose token this is.
    pub fn admin_of(&self, token: &[u8]) -> Option<Admin> {
        let key = token_key(token);
        self.admins.values().find(|record| record.token == key).map(|record| record.admin.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s39_only_the_global_and_the_intune_administrator_set_the_authority() {
        let may =
            |role, method: &str, path: &str| Admin { name: String::new(), role, licensed: true }.may(method, path);
        let all = [Role::GlobalAdministrator, Role::IntuneAdministrator, Role::Helpdesk, Role::Support, Role::Reader];
        let who =
            |method: &str, path: &str| all.into_iter().filter(|role| may(*role, method, path)).collect::<Vec<_>>();
        assert_eq!(who("PATCH", "/tenant"), all[..2]);
        assert_eq!(who("GET", "/tenant"), all);
        assert_eq!(who("POST", "/devices/x/recovery"), all[..3]);
        assert_eq!(who("DELETE", "/devices/x"), all[..2]);
        assert_eq!(who("PUT", "/devices/x/user"), all[..2]);
        assert_eq!(who("POST", "/admins"), all[..1]);
        assert_eq!(who("DELETE", "//admins/x"), all[..1]);
    }

    #[test]
    fn s26_only_support_moves_devices_without_a_user() {
        for role in [Role::GlobalAdministrator, Role::IntuneAdministrator, Role::Helpdesk, Role::Reader] {
            assert!(!Admin { name: String::new(), role, licensed: true }.may("PUT", "/devices/x/authority"));
        }
        let support = Admin { name: String::new(), role: Role::Support, licensed: false };
        assert!(support.may("PUT", "/devices/x/authority"));
        assert!(!support.may("POST", "/devices/x/commands"));
    }

    #[test]
    fn a_token_is_known_until_its_administrator_is_dismissed() {
        let mut tenant = Tenant::default();
        let admin = Admin { name: "eve".to_owned(), role: Role::Reader, licensed: false };
        let token = Secret::new("some token");
        tenant.add_admin(admin.clone(), &token).unwrap();
        assert!(tenant.add_admin(admin.clone(), &token).is_err());
        assert_eq!(tenant.admin_of(b"some token"), Some(admin));
        assert_eq!(tenant.admin_of(b"another"), None);
        tenant.remove_admin("eve").unwrap();
        assert_eq!(tenant.admin_of(b"some token"), None);
    }
}
