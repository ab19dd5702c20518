//! The three services of MS-MDE2 enrolment: discovery, certificate policy (MS-XCEP) and security token (MS-WSTEP).

mod context;
mod discovery;
mod policy;
mod token;

pub use context::{AdditionalContext, item};
pub use discovery::{AuthPolicy, Discover, DiscoverResponse};
pub use policy::{CertificatePolicy, GetPolicies};
pub use token::{RequestSecurityToken, RequestType, SecurityTokenResponse};
