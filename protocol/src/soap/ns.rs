//! Namespaces and other literal names of MS-MDE2 section 2.2.1.

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $value;)*
    };
}

names! {
    /// SOAP 1.2 envelopes.
    ENVELOPE = "http://www.w3.org/2003/05/soap-envelope";
    /// WS-Addressing 1.0.
    ADDRESSING = "http://www.w3.org/2005/08/addressing";
    /// The address of whoever sent the request.
    ANONYMOUS = "http://www.w3.org/2005/08/addressing/anonymous";
    /// WS-Security's utilities: timestamps and ids.
    UTILITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
    /// WS-Security.
    SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    /// The type of a password in clear text.
    PASSWORD_TEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText";
    /// The encoding of every token.
    BASE64_BINARY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd#base64binary";
    /// WS-Trust 1.3.
    TRUST = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
    /// WS-Federation's authorization context.
    AUTHORIZATION = "http://schemas.xmlsoap.org/ws/2006/12/authorization";
    /// The discovery service.
    DISCOVERY = "http://schemas.microsoft.com/windows/management/2012/01/enrollment";
    /// The policy service.
    POLICY = "http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy";
    /// The enrollment service.
    ENROLLMENT = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment";
    /// The numbers for servers' logs.
    DIAGNOSTICS = "http://schemas.microsoft.com/2004/09/ServiceModel/Diagnostics";
    /// `nil` and its like.
    SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance";
    /// XML Schema itself.
    SCHEMA = "http://www.w3.org/2001/XMLSchema";
    /// The type of a user's token.
    USER_TOKEN = "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentUserToken";
    /// The type of the token that enrollment is about.
    DEVICE_TOKEN = "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentToken";
    /// The type of the provisioning document.
    PROVISION_DOCUMENT = "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentProvisionDoc";
    /// The type of a JSON Web Token.
    JWT = "urn:ietf:params:oauth:token-type:jwt";
    /// The `u:Id` of a user name token (MS-MDE2 section 3.4.4.1.1.1.3).
    USERNAME_TOKEN_ID = "uuid-cc1ccc1f-2fba-4bcf-b063-ffc0cac77917-4";
}
