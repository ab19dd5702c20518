//! What the tests of several modules need: certificate requests, tenants with a device, and a device that talks.

mod messages;
pub(crate) mod renewal;

use mdm_protocol::enrolment::{AdditionalContext, AuthPolicy, Discover, RequestSecurityToken, RequestType, item};
use mdm_protocol::soap::{Fault, Security};
use mdm_protocol::syncml::{AlertCode, Command, CommandId, Credentials, Header, Message, Meta, Status, StatusCode};
use mdm_protocol::{Secret, base64};
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, SigningKey as _};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer as _;

use super::{
    Connection, EnrolmentSecrets, Grant, IssuedCertificate, Licence, NewUser, PasswordHash, PasswordTest,
    ReceivedMessage, Reply, SessionRefusal, SettingsPatch, Tenant, TenantMode,
};

pub(crate) use messages::*;

pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const USER: &str = "alice@contoso.example";
pub(crate) const PASSWORD: &str = "correct horse";

const SHORT_RSA: &str = "\
    MIIBTzCBuQIBADAQMQ4wDAYDVQQDDAVzaG9ydDCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEAxpfomXMT1fGt1aLjClERYmFw\
    0Bn6bZniIV4uzV1pbEco8+KwJNh96H8PIlPKni/gDIJ1XIHO0yhx/fNawB8CpsXte+sBcOMLdzQ5WW4ynl9iSRZNhSCgGAWCCzpC\
    KGD0eFBG3jnYgLGAh1B7Ef2yMq1Q5Nj0mYRuOQ2g+jVql5MCAwEAAaAAMA0GCSqGSIb3DQEBCwUAA4GBAIEsa4YHkJvSBtVibzfB\
    ZVWm2XabsANmkGNQLM6xGkgTdvHxYf0ZXJP1PmvZUll0WcxsOElp2BdDmb8mLNKEzRDeipyM7eO173sF4NpFEynQQt37eUloSZP1\
    yXBzDn4rXXwAD3PcIOL0v9LAdYrHVVJfShjWo+1OLN8CT/nM27Sd\
";

/// A request whose RSA key has 1024 bits.
pub(crate) fn rsa_1024_certificate_request() -> Vec<u8> {
    base64::decode(SHORT_RSA).unwrap()
}

/// A PKCS#10 with a P-256 key.
pub(crate) fn certificate_request(common_name: &str) -> (Vec<u8>, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let request = params.serialize_request(&key).unwrap();
    (request.der().to_vec(), key)
}

/// A PKCS#10 whose subject has characters that its string type does not allow: an exclamation mark and a NUL.
pub(crate) fn windows_certificate_request() -> (Vec<u8>, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let name = DnValue::PrintableString("GUIDXdevice-1X".try_into().unwrap());
    params.distinguished_name.push(DnType::CommonName, name);
    let proper = params.serialize_request(&key).unwrap().der().to_vec();
    let (_, parsed) = X509CertificationRequest::from_der(&proper).unwrap();
    let mut info = parsed.certification_request_info.raw.to_vec();
    let start = info.windows(14).position(|part| part == b"GUIDXdevice-1X").unwrap();
    info[start..start + 14].copy_from_slice(b"GUID!device-1\0");
    let signature = key.sign(&info).unwrap();
    let ecdsa_with_sha256 = [0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];
    let bits = [&[0x03, u8::try_from(signature.len() + 1).unwrap(), 0][..], &signature].concat();
    let content = [&info[..], &ecdsa_with_sha256, &bits].concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    ([&[0x30, 0x82, length[0], length[1]][..], &content].concat(), key)
}

/// What a client asks discovery that offers these ways of proof.
pub(crate) fn question(offers: &[AuthPolicy]) -> Discover {
    Discover {
        email: USER.to_owned(),
        request_version: "4.0".to_owned(),
        device_type: "CIMClient_Windows".to_owned(),
        application_version: "10.0.26100.0".to_owned(),
        os_edition: "4".to_owned(),
        auth_policies: offers.to_vec(),
    }
}

pub(crate) fn context(device_id: &str) -> AdditionalContext {
    AdditionalContext::default()
        .with(item::DEVICE_TYPE, "CIMClient_Windows")
        .with(item::ENROLLMENT_TYPE, "Full")
        .with(item::DEVICE_ID, device_id)
        .with(item::HARDWARE_ID, "hardware-1")
        .with(item::DEVICE_NAME, "laptop")
        .with(item::OS_VERSION, "12.0")
        .with(item::APPLICATION_VERSION, "0.1.0")
}

pub(crate) fn request(context: AdditionalContext) -> RequestSecurityToken {
    let certificate_request = certificate_request("any!thing\0").0;
    RequestSecurityToken { request_type: RequestType::Issue, certificate_request, context }
}

pub(crate) fn password() -> Security {
    Security::UsernameToken { username: USER.to_owned(), password: Secret::new(PASSWORD) }
}

pub(crate) fn token(text: &str) -> Security {
    Security::BinaryToken { is_jwt: false, content: Secret::new(base64::encode(text)) }
}

/// A tenant with one user and no authority.
pub(crate) fn fresh_tenant() -> Tenant {
    let mut tenant = Tenant::default();
    change(&mut tenant, SettingsPatch { strict: Some(true), ..SettingsPatch::default() });
    tenant.add_user(new_user(USER, PASSWORD)).unwrap();
    tenant
}

pub(crate) fn new_user(name: &str, password: &str) -> NewUser {
    let password = PasswordHash::new(&Secret::new(password), [7; 16]).unwrap();
    NewUser { name: name.to_owned(), password, licences: [Licence::Intune].into(), co_managed: false }
}

/// Asks for enrolment as the service does it: with the password tested first.
pub(crate) fn permit(
    tenant: &Tenant,
    security: Option<&Security>,
    request: &RequestSecurityToken,
    now: i64,
) -> Result<Grant, Fault> {
    let proof = tenant.password_test(security).and_then(PasswordTest::run);
    tenant.permit_enrolment(security, proof.as_ref(), request, now)
}

/// A tenant with one user and its authority set.
pub(crate) fn tenant() -> Tenant {
    let mut tenant = fresh_tenant();
    change(&mut tenant, SettingsPatch { authority: Some(TenantMode::Intune), ..SettingsPatch::default() });
    tenant
}

pub(crate) fn change(tenant: &mut Tenant, patch: SettingsPatch) {
    tenant.change_settings(patch, NOW).unwrap();
}

pub(crate) fn complete(tenant: &mut Tenant, grant: &Grant) {
    let fingerprint = super::fingerprint(grant.device_id.as_bytes());
    let (serial, key) = ("01".to_owned(), super::fingerprint(&grant.public_key.0));
    let certificate = IssuedCertificate { serial, fingerprint, not_before: NOW, not_after: NOW + 86_400, key };
    let secrets = EnrolmentSecrets { secret: Secret::new("shared secret"), nonce: b"first nonce".to_vec() };
    tenant.complete_enrolment(grant, certificate, &secrets, NOW);
    // Most tests are about what comes after.
    let device = tenant.devices.get_mut(&grant.device_id).unwrap();
    super::life::told(&mut device.life, grant.authority);
    device.inventory.refused = Some(i64::MAX);
}

pub(crate) fn enrol(tenant: &mut Tenant, device_id: &str) {
    let grant = permit(tenant, Some(&password()), &request(context(device_id)), NOW).unwrap();
    complete(tenant, &grant);
}

/// A device that holds sessions with a tenant.
pub(crate) struct Talker {
    pub(crate) tenant: Tenant,
    pub(crate) device: String,
    pub(crate) now: i64,
    pub(crate) session: u32,
    pub(crate) message: u32,
    pub(crate) nonce: Option<Vec<u8>>,
    pub(crate) meta: Meta,
    /// What stands for the client certificate.
    pub(crate) certificate: Vec<u8>,
    /// With what it proves itself inside messages.
    pub(crate) secret: String,
    /// The authority whose address the device asks at.
    pub(crate) at: Option<super::Authority>,
    /// The number of the tenant's last message, whose header is still to be acknowledged.
    heard: Option<u32>,
    random: fastrand::Rng,
}

impl Talker {
    pub(crate) fn new() -> Self {
        let mut tenant = tenant();
        enrol(&mut tenant, "device-1");
        Self::with(tenant)
    }

    /// The same with a tenant that takes what a conforming device would not send.
    pub(crate) fn lenient() -> Self {
        let mut talker = Self::new();
        change(&mut talker.tenant, SettingsPatch { strict: Some(false), ..SettingsPatch::default() });
        talker
    }

    /// The device of a tenant that has it already.
    pub(crate) fn with(tenant: Tenant) -> Self {
        let random = fastrand::Rng::with_seed(1);
        let device = "device-1".to_owned();
        let certificate = b"device-1".to_vec();
        Self {
            tenant,
            device,
            now: NOW,
            session: 0,
            message: 0,
            nonce: None,
            meta: Meta::default(),
            certificate,
            secret: "shared secret".to_owned(),
            at: None,
            heard: None,
            random,
        }
    }

    /// The bytes of a message: the commands, behind the acknowledgement of what the tenant said last.
    pub(crate) fn bytes(&self, mut commands: Vec<Command>) -> Vec<u8> {
        if let Some(heard) = self.heard.filter(|_| self.message > 1) {
            let mut header = Status::new(heard, &CommandId::from("0"), "SyncHdr", StatusCode::OK);
            header.id = "header".into();
            commands.insert(0, Command::Status(header));
        }
        let secret = Secret::new(self.secret.as_str());
        let header = Header {
            session_id: self.session.to_string(),
            message_id: self.message,
            target: "https://server/ManagementServer/MDM.svc".to_owned(),
            source: self.device.clone(),
            source_name: self.nonce.as_ref().map(|_| self.device.clone()),
            credentials: self.nonce.as_ref().map(|nonce| Credentials::md5(&self.device, &secret, nonce)),
            meta: self.meta.clone(),
        };
        Message { header, commands, is_final: true }.encode().into_bytes()
    }

    /// The bytes of a message without its end.
    pub(crate) fn unfinished(&mut self, mut commands: Vec<Command>) -> Vec<u8> {
        self.message += 1;
        commands.iter_mut().zip(1_u32..).for_each(|(command, number)| command.set_id(number.into()));
        String::from_utf8(self.bytes(commands)).unwrap().replace("<Final/>", "").into_bytes()
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Result<Reply, SessionRefusal> {
        let connection = Connection { device: "device-1", certificate: &self.certificate, at: self.at };
        let reply = self.tenant.converse(connection, ReceivedMessage::decode(bytes)?, self.now, &mut self.random)?;
        if let Reply::Message(text) = &reply {
            self.heard = Some(Message::decode(text.as_bytes()).unwrap().header.message_id);
        }
        Ok(reply)
    }

    /// Sends a message; `None` if the answer is empty.
    pub(crate) fn send(&mut self, mut commands: Vec<Command>) -> Option<Message> {
        self.message += 1;
        for (index, command) in commands.iter_mut().enumerate() {
            command.set_id(CommandId::from(u32::try_from(index).unwrap() + 1));
        }
        let bytes = self.bytes(commands);
        match self.raw(&bytes).unwrap() {
            Reply::Message(text) => Some(Message::decode(text.as_bytes()).unwrap()),
            Reply::Empty => None,
        }
    }

    /// What every session begins with.
    pub(crate) fn package_one(&self) -> Vec<Command> {
        vec![alert(AlertCode::CLIENT_INITIATED, Vec::new()), device_information(&self.device)]
    }

    /// Begins a session with an alert and the DevInfo.
    pub(crate) fn begin(&mut self, more: Vec<Command>) -> Option<Message> {
        self.session += 1;
        self.message = 0;
        let mut commands = self.package_one();
        commands.extend(more);
        self.send(commands)
    }

    /// Holds whole sessions, answering every command with 200, and returns all commands that came.
    pub(crate) fn check_in(&mut self) -> Vec<Command> {
        self.check_in_answering(|_| StatusCode::OK)
    }

    pub(crate) fn check_in_answering(&mut self, code: impl Fn(&Command) -> StatusCode) -> Vec<Command> {
        let reply = self.begin(Vec::new());
        self.go_on(reply, code)
    }

    /// Answers every command until there are no more; returns all of them.
    pub(crate) fn go_on(&mut self, mut reply: Option<Message>, code: impl Fn(&Command) -> StatusCode) -> Vec<Command> {
        let mut seen = Vec::new();
        while let Some(message) = reply {
            let work = work(&message);
            let answers = work.iter().map(|command| status(&message, command, code(command))).collect::<Vec<_>>();
            seen.extend(work);
            if answers.is_empty() {
                break;
            }
            reply = self.send(answers);
        }
        seen
    }

    pub(crate) fn profile(&mut self, name: &str, fragment: &str) {
        self.tenant.put_profile(name, fragment, None, self.now).unwrap();
        let assignment = super::Assignment { all: true, ..super::Assignment::default() };
        self.tenant.assign_profile(name, assignment).unwrap();
    }

    pub(crate) fn delivery(&self, name: &str) -> Option<super::DeliveryState> {
        let view = self.tenant.device_view(&self.device).unwrap();
        view.profiles.into_iter().find(|profile| profile.name == name).map(|profile| profile.state)
    }
}
