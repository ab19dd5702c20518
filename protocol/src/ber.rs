//! Brings BER into the form that the readers of both programs take (X.690 sections 8 and 10): definite lengths in as few
//! bytes as they need, octet strings in one piece. Several SCEP servers and clients write BER. It knows nothing of what it
//! rewrites.

/// Deeper than any message in use.
const MAX_DEPTH: usize = 32;
const CONSTRUCTED: u8 = 0x20;
const OCTET_STRING: u8 = 0x04;
const END_OF_CONTENTS: [u8; 2] = [0, 0];

/// Bytes that are no BER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BerError {
    /// It ends too early, or says so itself in a length.
    #[error("the message is truncated")]
    Truncated,
    /// Something follows.
    #[error("the message has something behind its end")]
    TrailingData,
    /// It is nested too deeply.
    #[error("the message is nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// A tag, a length or a string is in no form that is known.
    #[error("the message is no BER")]
    Malformed,
}

/// The same element, with definite lengths and its octet strings in one piece.
pub fn definite(input: &[u8]) -> Result<Vec<u8>, BerError> {
    let mut output = Vec::with_capacity(input.len());
    let used = element(input, 0, &mut output)?;
    if used == input.len() { Ok(output) } else { Err(BerError::TrailingData) }
}

/// Appends the first element of the input; returns how many bytes it took there.
fn element(input: &[u8], depth: usize, output: &mut Vec<u8>) -> Result<usize, BerError> {
    if depth > MAX_DEPTH {
        return Err(BerError::TooDeep);
    }
    let (tag, length, header) = header(input)?;
    let is_constructed = tag & CONSTRUCTED != 0;
    let body = input.get(header..).ok_or(BerError::Truncated)?;
    let Some(length) = length else {
        if !is_constructed {
            return Err(BerError::Malformed);
        }
        let mut content = Vec::new();
        let mut used = 0;
        loop {
            let rest = body.get(used..).ok_or(BerError::Truncated)?;
            if rest.starts_with(&END_OF_CONTENTS) {
                write(tag, &content, output)?;
                return Ok(header + used + END_OF_CONTENTS.len());
            }
            used += element(rest, depth + 1, &mut content)?;
        }
    };
    let body = body.get(..length).ok_or(BerError::Truncated)?;
    if is_constructed {
        let mut content = Vec::with_capacity(length);
        let mut used = 0;
        while used < length {
            used += element(&body[used..], depth + 1, &mut content)?;
        }
        write(tag, &content, output)?;
    } else {
        write(tag, body, output)?;
    }
    Ok(header + length)
}

/// The tag, the length if it is a definite one, and the bytes that both take.
fn header(input: &[u8]) -> Result<(u8, Option<usize>, usize), BerError> {
    let (&tag, &first) = input.first().zip(input.get(1)).ok_or(BerError::Truncated)?;
    // Tags of several bytes occur in nothing that is read here; the tag 0 ends what has no length.
    if tag & 0x1F == 0x1F || tag == 0 {
        return Err(BerError::Malformed);
    }
    match first {
        0..=0x7F => Ok((tag, Some(usize::from(first)), 2)),
        0x80 => Ok((tag, None, 2)),
        0x81..=0x84 => {
            let bytes = usize::from(first & 0x7F);
            let length = input.get(2..2 + bytes).ok_or(BerError::Truncated)?;
            Ok((tag, Some(length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))), 2 + bytes))
        }
        _ => Err(BerError::Malformed),
    }
}

fn write(tag: u8, content: &[u8], output: &mut Vec<u8>) -> Result<(), BerError> {
    if tag == OCTET_STRING | CONSTRUCTED {
        return write(OCTET_STRING, &joined(content)?, output);
    }
    output.push(tag);
    let length = u32::try_from(content.len()).map_err(|_| BerError::Malformed)?;
    if length < 0x80 {
        output.extend(length.to_be_bytes().last());
    } else {
        let bytes = length.to_be_bytes();
        let digits = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
        output.push(0x80 | digits.len() as u8);
        output.extend(digits);
    }
    output.extend(content);
    Ok(())
}

/// The pieces of an octet string, which are octet strings in their definite form, as one.
pub fn joined(mut pieces: &[u8]) -> Result<Vec<u8>, BerError> {
    let mut whole = Vec::with_capacity(pieces.len());
    while !pieces.is_empty() {
        let (tag, length, header) = header(pieces)?;
        let end = header + length.ok_or(BerError::Malformed)?;
        if tag != OCTET_STRING {
            return Err(BerError::Malformed);
        }
        whole.extend(pieces.get(header..end).ok_or(BerError::Truncated)?);
        pieces = &pieces[end..];
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_der_already_stays_as_it_is() {
        let mut der = vec![0x30, 0x82, 0x01, 0x04, 0x04, 0x82, 0x01, 0x00];
        der.extend([7; 256]);
        assert_eq!(definite(&der), Ok(der.clone()));
        assert_eq!(definite(&[0x05, 0]), Ok(vec![0x05, 0]));
    }

    #[test]
    fn indefinite_lengths_and_strings_in_pieces_become_definite_and_whole() {
        let ber = [0x30, 0x80, 0x24, 0x80, 0x04, 0x01, 1, 0x04, 0x81, 0x02, 2, 3, 0, 0, 0x02, 0x01, 9, 0, 0];
        assert_eq!(definite(&ber), Ok(vec![0x30, 0x08, 0x04, 0x03, 1, 2, 3, 0x02, 0x01, 9]));
        let ber = [0x30, 0x83, 0, 0, 0x06, 0x24, 0x04, 0x04, 0x00, 0x04, 0x00];
        assert_eq!(definite(&ber), Ok(vec![0x30, 0x02, 0x04, 0x00]));
    }

    #[test]
    fn what_is_no_ber_is_refused() {
        let deep: Vec<u8> = [0x30, 0x80].repeat(100);
        for (bytes, error) in [
            (&[][..], BerError::Truncated),
            (&[0x30], BerError::Truncated),
            (&[0x30, 0x05, 0x02], BerError::Truncated),
            (&[0x30, 0x80, 0x02, 0x01, 0x01], BerError::Truncated),
            (&[0x04, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], BerError::Truncated),
            (&[0x04, 0x80, 0, 0], BerError::Malformed),
            (&[0x04, 0x85, 0, 0, 0, 0, 0], BerError::Malformed),
            (&[0x3F, 0x81, 0x01, 0], BerError::Malformed),
            (&[0x24, 0x03, 0x02, 0x01, 0x00], BerError::Malformed),
            (&[0x05, 0, 0], BerError::TrailingData),
            (&deep, BerError::TooDeep),
            (b"<!DOCTYPE html>", BerError::Truncated),
        ] {
            assert_eq!(definite(bytes), Err(error), "{bytes:?}");
        }
    }
}
