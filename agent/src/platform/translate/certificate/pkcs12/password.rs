//! A password in the forms in which PKCS#12 files are made with it.

use zeroize::Zeroizing;

/// One way to read a password.
pub(super) struct Password {
    /// For PBKDF2 and scrypt (RFC 8018).
    pub(super) utf8: Zeroizing<Vec<u8>>,
    /// For the derivation of RFC 7292 appendix B: UTF-16 with two zero bytes behind it, or nothing at all.
    pub(super) utf16: Zeroizing<Vec<u8>>,
}

impl Password {
    /// The forms in which a file may have this password, the usual one first: writers differ on what an empty password
    /// is, and old ones took each byte of other than ASCII for a character.
    pub(super) fn forms(password: &str) -> Vec<Self> {
        let usual = Self::of(password);
        let other = match password {
            "" => Some(Self { utf8: Zeroizing::default(), utf16: Zeroizing::default() }),
            ascii if ascii.is_ascii() => None,
            other => Some(Self::of(&Zeroizing::new(other.bytes().map(char::from).collect::<String>()))),
        };
        [usual].into_iter().chain(other).collect()
    }

    fn of(text: &str) -> Self {
        let mut utf16 = Zeroizing::new(Vec::with_capacity(2 * text.len() + 2));
        utf16.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        utf16.extend([0, 0]);
        Self { utf8: Zeroizing::new(text.as_bytes().to_vec()), utf16 }
    }
}
