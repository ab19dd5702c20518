//! One-time codes that unlock a locked machine without a network. The device gets what it knows the code by, never the
//! code itself.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use mdm_protocol::base64;

use super::Service;
use super::admin::ServiceError;
use super::random;

/// Letters and digits that nobody takes for one another.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// A guess costs the device about a tenth of a second.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(100_000).expect("not zero");

impl Service {
    /// Queues the order to lock a device; returns its number and the code that unlocks it.
    pub fn lock_device(&self, device_id: &str, message: &str) -> Result<(u64, String), ServiceError> {
        let letters: String =
            random::bytes::<12>()?.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        let code = format!("{}-{}-{}", &letters[..4], &letters[4..8], &letters[8..]);
        let salt = random::bytes::<16>()?;
        let mut digest = [0; 32];
        // As the device reads it: without the dashes.
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, &salt, letters.as_bytes(), &mut digest);
        let verifier = format!("pbkdf2-sha256${ITERATIONS}${}${}", base64::encode(salt), base64::encode(digest));
        let id = self.act(|tenant, now| tenant.queue_lock(device_id, message, &verifier, now))?;
        Ok((id, code))
    }
}
