//! The security token service (MS-MDE2 section 3.4): the tenant permits, the authority signs, the tenant enters the
//! device, the device gets its provisioning document.

use mdm_protocol::enrolment::{RequestSecurityToken, RequestType, SecurityTokenResponse};
use mdm_protocol::provisioning::{CertificateEntry, RenewedCertificate, StoreName, StorePlace};
use mdm_protocol::soap::{Fault, RequestHeader, ResponseHeader};

use super::discovery::{response_header, soap, unreadable};
use super::provisioning::{Account, document};
use super::random;
use super::{Answer, Service, fault};
use crate::tenant::{EnrolmentSecrets, Grant, PROVIDER_ID, Tenant, conformance};

impl Service {
    /// Answers a RequestSecurityToken message. The peer's certificate is what a renewal is told by.
    pub fn enrolment(&self, body: &[u8], peer: Option<&[u8]>) -> Answer {
        let (header, request) = match RequestSecurityToken::decode(body) {
            Ok(request) => request,
            Err(error) => return self.fault(unreadable(&error), ""),
        };
        if let Err(violation) = self.conforms(|| conformance::request_security_token(body)) {
            return self.fault(violation.into(), &header.message_id);
        }
        if request.request_type == RequestType::Renew {
            return self.renewal(&header, &request, peer);
        }
        let secrets = match secrets() {
            Ok(secrets) => secrets,
            Err(error) => return self.fault(fault::internal(&error), &header.message_id),
        };
        let proof = self.test_password(header.security.as_ref());
        match self.change(|tenant, now, _| {
            let grant = tenant.permit_enrolment(header.security.as_ref(), proof.as_ref(), &request, now)?;
            self.enrol(tenant, &header, grant, &secrets, now)
        }) {
            Ok(Ok(answer)) => answer,
            Ok(Err(fault)) => self.fault(fault, &header.message_id),
            Err(error) => self.fault(fault::internal(&error), &header.message_id),
        }
    }

    fn renewal(&self, header: &RequestHeader, request: &RequestSecurityToken, peer: Option<&[u8]>) -> Answer {
        let outcome = self.change(|tenant, now, _| {
            let grant = tenant.permit_renewal(request, peer, self.authority.der(), now)?;
            let settings = tenant.settings();
            let (der, issued) = self
                .authority
                .issue(&grant.device_id, &settings.name, &grant.public_key, settings.certificate_days, now)
                .map_err(|error| fault::internal(&error))?;
            tenant.complete_renewal(&grant, issued);
            tracing::info!(device = grant.device_id, "certificate renewed");
            let certificates = vec![CertificateEntry { store: StoreName::My, der }];
            let renewed = RenewedCertificate { certificates, provider_id: Some(PROVIDER_ID.to_owned()) };
            let place = if grant.full { StorePlace::User } else { StorePlace::System };
            let header = ResponseHeader { valid_around: Some(now), ..response_header(header) };
            let provisioning_document = renewed.encode(place).into_bytes();
            Ok(soap(SecurityTokenResponse { provisioning_document }.encode(&header)))
        });
        match outcome {
            Ok(Ok(answer)) => answer,
            Ok(Err(fault)) => self.fault(fault, &header.message_id),
            Err(error) => self.fault(fault::internal(&error), &header.message_id),
        }
    }

    fn enrol(
        &self,
        tenant: &mut Tenant,
        header: &RequestHeader,
        grant: Grant,
        secrets: &EnrolmentSecrets,
        now: i64,
    ) -> Result<Answer, Fault> {
        let settings = tenant.settings();
        let (der, issued) = self
            .authority
            .issue(&grant.device_id, &settings.name, &grant.public_key, settings.certificate_days, now)
            .map_err(|error| fault::internal(&error))?;
        let account = Account {
            tenant: &settings.name,
            management_url: tenant.management_address(grant.authority),
            root: self.authority.der(),
            certificate: &der,
            grant: &grant,
            secrets,
            renewal: tenant.renewal_terms(),
        };
        let provisioning_document = document(&account).encode().into_bytes();
        tenant.complete_enrolment(&grant, issued, secrets, now);
        tracing::info!(device = grant.device_id, user = grant.user.as_deref().unwrap_or("none"), "enrolled");
        let header = ResponseHeader { valid_around: Some(now), ..response_header(header) };
        Ok(soap(SecurityTokenResponse { provisioning_document }.encode(&header)))
    }
}

fn secrets() -> Result<EnrolmentSecrets, random::RandomError> {
    Ok(EnrolmentSecrets { secret: random::secret()?, nonce: random::bytes::<16>()?.to_vec() })
}
