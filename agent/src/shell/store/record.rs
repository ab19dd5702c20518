//! The envelope of every record: version, sequence and checksum (rule T2).

use serde::Serialize;
use serde::de::DeserializeOwned;

const VERSION: u8 = 1;
const HEADER: usize = 1 + 8 + 4;

/// A record that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the record {key:?} is damaged: {reason}")]
pub(super) struct Damaged {
    pub(super) key: String,
    pub(super) reason: String,
}

/// Wraps a value. The key takes part in the checksum, so that a record under a wrong name is noticed too.
pub(super) fn seal(key: &str, sequence: u64, value: &impl Serialize) -> Vec<u8> {
    let body = serde_json::to_vec(value).expect("records have only text, numbers and lists");
    let mut record = Vec::with_capacity(HEADER + body.len());
    record.push(VERSION);
    record.extend_from_slice(&sequence.to_le_bytes());
    record.extend_from_slice(&checksum(key, sequence, &body).to_le_bytes());
    record.extend_from_slice(&body);
    record
}

/// Unwraps a value and checks it.
pub(super) fn open<T: DeserializeOwned>(key: &str, record: &[u8]) -> Result<(u64, T), Damaged> {
    let damaged = |reason: &str| Damaged { key: key.to_owned(), reason: reason.to_owned() };
    let (header, body) = record.split_at_checked(HEADER).ok_or_else(|| damaged("it is too short"))?;
    if header[0] != VERSION {
        return Err(damaged("it has an unknown version"));
    }
    let sequence = u64::from_le_bytes(header[1..9].try_into().expect("eight bytes"));
    let expected = u32::from_le_bytes(header[9..13].try_into().expect("four bytes"));
    if checksum(key, sequence, body) != expected {
        return Err(damaged("its checksum is wrong"));
    }
    let value = serde_json::from_slice(body).map_err(|error| damaged(&error.to_string()))?;
    Ok((sequence, value))
}

fn checksum(key: &str, sequence: u64, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key.as_bytes());
    hasher.update(&sequence.to_le_bytes());
    hasher.update(body);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was() {
        let record = seal("profile/x", 7, &"value");
        assert_eq!(open::<String>("profile/x", &record).unwrap(), (7, "value".to_owned()));
    }

    #[test]
    fn any_changed_bit_and_a_wrong_name_are_noticed() {
        let record = seal("profile/x", 7, &"value");
        assert!(open::<String>("profile/y", &record).is_err());
        for index in 0..record.len() * 8 {
            let mut changed = record.clone();
            changed[index / 8] ^= 1 << (index % 8);
            assert!(open::<String>("profile/x", &changed).is_err(), "bit {index}");
        }
        for length in 0..record.len() {
            assert!(open::<String>("profile/x", &record[..length]).is_err(), "length {length}");
        }
    }
}
