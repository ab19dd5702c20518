//! Certificates from SCEP servers (RFC 8894), in steps that may be days apart: each asks a server once and says what
//! came of it. Makes the key, proves every answer, and keeps what a later step needs; when to try again, and what
//! becomes of the certificate, is the caller's to decide.

mod authority;
mod client;
mod keep;
mod message;
mod oid;
mod order;
mod request;
mod state;
mod subject;
mod trouble;

use aws_lc_rs::rand::SecureRandom;
use rcgen::{KeyPair, PublicKeyData as _};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

pub use self::authority::AuthorityError;
pub use self::client::{LIMIT, ScepClient, TransportFailure};
pub use self::keep::{KeepError, Keeper};
pub use self::message::{AnswerError, MessageError};
pub use self::order::{OrderError, ScepOrder};
pub use self::request::RequestError;
pub use self::state::{DamagedState, ScepState, chain_pem};
pub use self::subject::SubjectError;

use self::authority::Authority;
use self::client::Protection;
use self::message::{Asker, Kind, Verdict, reason};
use self::state::Issued;
use self::trouble::Trouble;
use crate::shell::cms::SigningDigest;

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScepOutcome {
    /// The certificate, in DER, and those between it and the root. The next step says the same again without asking,
    /// until the state is discarded: once the certificate is where it belongs.
    Issued {
        /// The certificate.
        certificate: Vec<u8>,
        /// Those above it, nearest first, without the root.
        chain: Vec<Vec<u8>>,
    },
    /// Somebody has to decide at the server. The next step asks whether that has happened.
    Pending,
    /// Nobody answered, or somebody who is not the authority. The next step tries the same again.
    Unanswered {
        /// The number for `ErrorCode`, see [`code`].
        code: u32,
        /// Why, in a sentence.
        reason: String,
    },
    /// It came to nothing, and would again.
    Failed {
        /// The number for `ErrorCode`, see [`code`].
        code: u32,
        /// Why, in a sentence.
        reason: String,
    },
}

/// The numbers of failures: HRESULTs of the facility that is there for an interface's own ones (FACILITY_ITF).
pub mod code {
    /// The order cannot be carried out by this program.
    pub const ORDER: u32 = 0x8004_0200;
    /// No server answered.
    pub const UNANSWERED: u32 = 0x8004_0201;
    /// The server lacks AES or SHA-256.
    pub const CAPABILITIES: u32 = 0x8004_0202;
    /// The server's authority is not the one that it should be.
    pub const AUTHORITY: u32 = 0x8004_0203;
    /// The answer is not the authority's.
    pub const ANSWER: u32 = 0x8004_0204;
    /// The certificate is for another key, has expired, or was not issued by the authority.
    pub const CERTIFICATE: u32 = 0x8004_0205;
    /// Something is wrong on this machine.
    pub const LOCAL: u32 = 0x8004_0206;
    /// The server refused and gave no reason. With reason number n of RFC 8894 section 3.2.1.4.1 it is this plus 1 plus n.
    pub const REFUSED: u32 = 0x8004_0210;
}

/// Takes the next step of an enrolment: asks for the certificate, or whether the earlier request was decided. What a
/// later step needs is kept before anything is sent. An error is about the file only.
pub async fn enrol_step(
    state: &mut ScepState,
    keeper: &Keeper,
    client: &ScepClient,
    now: i64,
    random: &(dyn SecureRandom + Sync),
) -> Result<ScepOutcome, KeepError> {
    if let Some(issued) = &state.issued {
        return Ok(told(issued));
    }
    let servers = state.servers.len();
    // Whoever has the request is the one to ask about it.
    let tried = if state.pending { 1 } else { servers };
    let first = state.server;
    let mut trouble: Option<Trouble> = None;
    for offset in 0..tried {
        state.server = (first + offset) % servers.max(1);
        let mut step = Step { state, keeper, client, now, random };
        match step.exchange().await? {
            Ok(outcome) => return Ok(outcome),
            // What may pass is the better news: another try is worth it.
            Err(new) => trouble = Some(trouble.filter(|old| !old.is_final || new.is_final).unwrap_or(new)),
        }
    }
    Ok(trouble.unwrap_or_else(|| Trouble::final_one(code::ORDER, "the order names no server")).outcome())
}

struct Step<'a> {
    state: &'a mut ScepState,
    keeper: &'a Keeper,
    client: &'a ScepClient,
    now: i64,
    random: &'a (dyn SecureRandom + Sync),
}

/// The key and what belongs to it, ready to ask with.
struct Material {
    key: KeyPair,
    certificate: Vec<u8>,
    post: bool,
    protection: Protection,
    authority: Authority,
}

type Exchanged<T> = Result<Result<T, Trouble>, KeepError>;

impl Step<'_> {
    async fn exchange(&mut self) -> Exchanged<ScepOutcome> {
        let material = match self.prepare().await {
            Ok(material) => material,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let may_have_arrived = self.state.unanswered;
        let kind = if self.state.pending { Kind::Poll } else { Kind::Request };
        let mut verdict = self.ask(kind, &material).await?;
        if kind == Kind::Request && may_have_arrived && matches!(verdict, Ok(Verdict::Refused { .. })) {
            // The challenge may have been used up by the request whose answer never came.
            match self.ask(Kind::Poll, &material).await? {
                Ok(Verdict::Refused { .. }) | Err(_) => {}
                better => verdict = better,
            }
        }
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(trouble) => return Ok(Err(trouble)),
        };
        self.settle(verdict, &material)
    }

    /// What must be known before anything is asked for.
    async fn prepare(&self) -> Result<Material, Trouble> {
        let server = self.state.server().ok_or(DamagedState("server"))?;
        let capabilities = self.client.capabilities(server).await?;
        if let Some(missing) = capabilities.missing().filter(|_| !self.client.legacy) {
            let reason = format!(
                "the SCEP server does not offer {missing} (GetCACaps); triple DES and SHA-1 are used only where the \
                 machine's configuration allows it: [certificates] legacy-scep = true"
            );
            return Err(Trouble::final_one(code::CAPABILITIES, reason));
        }
        let answer = self.client.authority(server).await?;
        let authority = Authority::read(&answer, self.state.authority()?, self.now)?;
        let (key, mut certificate) = (self.state.key()?, self.state.certificate()?);
        let protection = capabilities.protection();
        if protection.digest == SigningDigest::Sha1 {
            certificate = request::self_signed_with_sha1(&certificate, &key)?;
        }
        Ok(Material { key, certificate, post: capabilities.post, protection, authority })
    }

    async fn ask(&mut self, kind: Kind, material: &Material) -> Exchanged<Verdict> {
        let transaction = self.state.transaction.clone();
        let asker = Asker {
            key: &material.key,
            certificate: &material.certificate,
            transaction: &transaction,
            protection: material.protection,
            legacy: self.client.legacy,
        };
        let question = match kind {
            Kind::Request => match self.request(material) {
                Ok(request) => asker.request(&material.authority, &request, self.random),
                Err(trouble) => return Ok(Err(trouble)),
            },
            Kind::Poll => match subject(&material.certificate) {
                Ok(subject) => asker.poll(&material.authority, &subject, self.random),
                Err(error) => return Ok(Err(error.into())),
            },
        };
        let question = match question {
            Ok(question) => question,
            Err(error) => return Ok(Err(error.into())),
        };
        self.state.attempts = self.state.attempts.saturating_add(1);
        self.state.unanswered = true;
        self.keeper.save(self.state)?;
        let Some(server) = self.state.server() else { return Ok(Err(DamagedState("server").into())) };
        let answer = match self.client.operation(server, &question.message, material.post).await {
            Ok(answer) => answer,
            Err(failure) => return Ok(Err(failure.into())),
        };
        match asker.read(&answer, &question, &material.authority) {
            Ok(verdict) => {
                self.state.unanswered = false;
                Ok(Ok(verdict))
            }
            Err(error) => Ok(Err(Trouble::answer(&error))),
        }
    }

    /// The certificate request, signed as the server can verify it.
    fn request(&self, material: &Material) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let request = self.state.request()?;
        match material.protection.digest {
            SigningDigest::Sha256 => Ok(request),
            SigningDigest::Sha1 => Ok(request::request_with_sha1(&request, &material.key)?),
        }
    }

    /// Keeps what an answer means before anybody acts on it.
    fn settle(&mut self, verdict: Verdict, material: &Material) -> Exchanged<ScepOutcome> {
        let outcome = match verdict {
            Verdict::Pending => {
                self.state.pending = true;
                ScepOutcome::Pending
            }
            Verdict::Granted(certificates) => {
                let public_key = material.key.subject_public_key_info();
                let Some((certificate, chain)) = material.authority.issued(&certificates, &public_key, self.now) else {
                    let reason = "the SCEP server's answer has no valid certificate for this key by its authority";
                    return Ok(Err(Trouble::final_one(code::CERTIFICATE, reason)));
                };
                let issued = Issued::new(&certificate, &chain);
                let outcome = told(&issued);
                self.state.issued = Some(issued);
                self.state.forget_challenge();
                outcome
            }
            Verdict::Refused { fail_info, text } => {
                let said = if text.is_empty() { String::new() } else { format!("; it says: {text}") };
                let reason = format!("the SCEP server refused the request: {}{said}", reason(fail_info));
                let code = code::REFUSED + fail_info.map_or(0, |number| 1 + u32::from(number));
                return Ok(Err(Trouble::final_one(code, reason)));
            }
        };
        self.keeper.save(self.state)?;
        Ok(Ok(outcome))
    }
}

fn told(issued: &Issued) -> ScepOutcome {
    match issued.der() {
        Ok((certificate, chain)) => ScepOutcome::Issued { certificate, chain },
        Err(error) => Trouble::from(error).outcome(),
    }
}

fn subject(certificate: &[u8]) -> Result<Vec<u8>, DamagedState> {
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| DamagedState("own certificate"))?;
    Ok(certificate.subject().as_raw().to_vec())
}
