//! How much work a PKCS#12 file may ask for: a file names its own iteration counts, and could ask for years of them.

use super::Fault;

/// The most iterations that are done for a file, all of its parts together; OpenSSL writes 2,048 for a part, and 600,000
/// are recommended.
const MAX_ITERATIONS: u64 = 5_000_000;
/// The most memory that scrypt may take, in blocks of 128 bytes: 32 MiB, as OpenSSL has it.
const MAX_SCRYPT_BLOCKS: u64 = (32 << 20) / 128;

/// What is left of the iterations of one file.
#[derive(Debug)]
pub(super) struct Iterations(u64);

impl Iterations {
    pub(super) const fn new() -> Self {
        Self(MAX_ITERATIONS)
    }

    /// Takes iterations that are about to be done, all or none.
    pub(super) fn take(&mut self, count: u64) -> Result<(), Fault> {
        self.0 = self.0.checked_sub(count).ok_or(Fault::TooManyIterations)?;
        Ok(())
    }

    /// Takes those of scrypt (RFC 7914 section 2): a block is mixed so many times, and all blocks are kept.
    pub(super) fn take_scrypt(&mut self, cost: u64, block_size: u16, parallelization: u16) -> Result<(), Fault> {
        let blocks = cost.saturating_mul(u64::from(block_size));
        if blocks > MAX_SCRYPT_BLOCKS {
            return Err(Fault::Unsupported("scrypt with more than 32 MiB of memory".to_owned()));
        }
        self.take(blocks.saturating_mul(u64::from(parallelization)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_are_each_small_are_too_many_together() {
        let mut iterations = Iterations::new();
        for _ in 0..5 {
            iterations.take(1_000_000).unwrap();
        }
        assert!(matches!(iterations.take(1), Err(Fault::TooManyIterations)));
    }

    #[test]
    fn scrypt_is_bounded_in_memory_and_in_time() {
        let mut iterations = Iterations::new();
        iterations.take_scrypt(1 << 14, 8, 1).unwrap();
        assert!(matches!(iterations.take_scrypt(1 << 15, 9, 1), Err(Fault::Unsupported(_))));
        assert!(matches!(iterations.take_scrypt(u64::MAX, u16::MAX, 1), Err(Fault::Unsupported(_))));
        assert!(matches!(iterations.take_scrypt(1 << 14, 8, u16::MAX), Err(Fault::TooManyIterations)));
    }
}
