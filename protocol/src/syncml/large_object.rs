//! Large objects: data that is sent in pieces over several messages (OMA-DM representation section 5.6).

use super::{Item, Meta, StatusCode};
use crate::LocUri;

/// Why the pieces did not become an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LargeObjectError {
    /// The pieces exceed what is accepted.
    #[error("the object is larger than the {limit} bytes that are accepted")]
    TooLarge {
        /// The accepted size in bytes.
        limit: u64,
    },
    /// The announced size exceeds what is accepted.
    #[error("the announced size of {size} bytes exceeds the {limit} bytes that are accepted")]
    SizeTooBig {
        /// The announced size in bytes.
        size: u64,
        /// The accepted size in bytes.
        limit: u64,
    },
    /// The pieces do not add up to the announced size.
    #[error("the pieces have {actual} bytes together, announced were {announced}")]
    SizeMismatch {
        /// The announced size in bytes.
        announced: u64,
        /// The size of all pieces in bytes.
        actual: u64,
    },
}

impl LargeObjectError {
    /// The status that answers the piece.
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::TOO_LARGE,
            Self::SizeTooBig { .. } => StatusCode::SIZE_TOO_BIG,
            Self::SizeMismatch { .. } => StatusCode::SIZE_MISMATCH,
        }
    }
}

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The item is complete: it always was, or its last piece has arrived.
    Whole(Box<Item>),
    /// The item's pieces so far are kept; answer with 213 and ask for the next.
    Buffered,
}

/// Puts large objects together; one can be open at a time.
#[derive(Debug)]
pub struct Assembler {
    limit: u64,
    open: Option<Item>,
    /// A piece of the object that was refused last, without its data: the pieces still to come are refused too.
    refused: Option<(Item, LargeObjectError)>,
}

impl Assembler {
    /// An assembler for objects of at most `limit` bytes.
    pub fn new(limit: u64) -> Self {
        Self { limit, open: None, refused: None }
    }

    /// Whether an object has begun and not ended.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether this item is *not* the continuation of the object that is open: then the open one is given up and the
    /// other side must be told with alert 1225.
    pub fn interrupted_by(&mut self, item: &Item) -> bool {
        let interrupted = self.open.as_ref().is_some_and(|open| !same_node(open, item));
        if interrupted {
            self.open = None;
        }
        interrupted
    }

    /// Takes the next item.
    pub fn accept(&mut self, item: Item) -> Result<Piece, LargeObjectError> {
        if let Some((refused, error)) = self.refused.take().filter(|(refused, _)| same_node(refused, &item)) {
            if item.more_data {
                self.refused = Some((refused, error));
            }
            return Err(error);
        }
        let more_to_come = item.more_data.then(|| Item { data: None, ..item.clone() });
        let outcome = self.take(item);
        self.refused = outcome.as_ref().err().and_then(|error| Some((more_to_come?, *error)));
        outcome
    }

    /// Whether pieces of a refused object are still to come.
    pub fn is_refusing(&self) -> bool {
        self.refused.is_some()
    }

    fn take(&mut self, item: Item) -> Result<Piece, LargeObjectError> {
        let Some(mut open) = self.open.take() else {
            return self.begin(item);
        };
        open.data.get_or_insert_default().push_str(item.data.as_deref().unwrap_or_default());
        open.more_data = item.more_data;
        self.keep_or_finish(open)
    }

    fn begin(&mut self, item: Item) -> Result<Piece, LargeObjectError> {
        if !item.more_data {
            let fits = item.data.as_ref().map_or(0, String::len) as u64 <= self.limit;
            let whole = fits.then(|| Piece::Whole(Box::new(item)));
            return whole.ok_or(LargeObjectError::TooLarge { limit: self.limit });
        }
        match item.meta.size {
            Some(size) if size > self.limit => Err(LargeObjectError::SizeTooBig { size, limit: self.limit }),
            _ => self.keep_or_finish(item),
        }
    }

    fn keep_or_finish(&mut self, item: Item) -> Result<Piece, LargeObjectError> {
        let actual = item.data.as_ref().map_or(0, String::len) as u64;
        if actual > self.limit {
            return Err(LargeObjectError::TooLarge { limit: self.limit });
        }
        if item.more_data {
            self.open = Some(item);
            return Ok(Piece::Buffered);
        }
        match item.meta.size {
            Some(announced) if announced != actual => Err(LargeObjectError::SizeMismatch { announced, actual }),
            _ => Ok(Piece::Whole(Box::new(item))),
        }
    }
}

fn same_node(left: &Item, right: &Item) -> bool {
    same_address(left.target.as_deref(), right.target.as_deref())
        && same_address(left.source.as_deref(), right.source.as_deref())
}

/// Whether two addresses are the same, if perhaps written in several ways.
pub fn same_address(left: Option<&str>, right: Option<&str>) -> bool {
    let read = |text: &str| LocUri::parse(text).ok();
    match (left, right) {
        (Some(left), Some(right)) => left == right || read(left).is_some_and(|uri| Some(uri) == read(right)),
        (left, right) => left == right,
    }
}

/// Cuts an item into pieces whose data has at most `piece` bytes; a character is never cut in two.
pub fn split(mut item: Item, piece: usize) -> Vec<Item> {
    let Some(data) = item.data.take_if(|data| data.len() > piece) else {
        return vec![item];
    };
    let mut first_meta = Some(Meta { size: Some(data.len() as u64), ..std::mem::take(&mut item.meta) });
    let mut pieces = Vec::with_capacity(data.len() / piece.max(4) + 1);
    let mut rest = data.as_str();
    while !rest.is_empty() {
        let mut end = piece.max(4).min(rest.len());
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (head, tail) = rest.split_at(end);
        let meta = first_meta.take().unwrap_or_default();
        pieces.push(Item { meta, data: Some(head.to_owned()), more_data: !tail.is_empty(), ..item.clone() });
        rest = tail;
    }
    pieces
}
