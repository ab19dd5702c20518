//! Whatever a SyncML message says, it says the same after it was written and read.

#[path = "common/strategies.rs"]
mod strategies;

use mdm_protocol::syncml::{Assembler, Item, Message, Piece, decode_fragment, split};
use proptest::prelude::*;
use strategies::{config, item, message};

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn a_message_that_was_written_reads_as_the_same_message(message in message()) {
        prop_assert_eq!(Message::decode(message.encode().as_bytes()).unwrap(), message);
    }

    #[test]
    fn commands_without_a_message_round_them_read_as_the_same_commands(message in message()) {
        let text = message.encode();
        let (_, body) = text.split_once("<SyncBody>").unwrap();
        let (body, _) = body.rsplit_once("</SyncBody>").unwrap();
        prop_assert_eq!(decode_fragment(body).unwrap(), message.commands);
    }

    #[test]
    fn a_large_object_comes_together_whatever_the_size_of_its_pieces(item in item(), piece in 0..40_usize) {
        let whole = Item { more_data: false, ..item };
        let pieces = split(whole.clone(), piece);
        let last = pieces.len() - 1;
        let mut assembler = Assembler::new(1 << 20);
        for (index, each) in pieces.into_iter().enumerate() {
            prop_assert!(each.data.as_ref().is_none_or(|data| data.len() <= piece.max(4)));
            prop_assert_eq!(each.more_data, index < last);
            prop_assert!(!assembler.interrupted_by(&each));
            match assembler.accept(each).unwrap() {
                Piece::Buffered => prop_assert!(index < last && assembler.is_open()),
                Piece::Whole(found) => {
                    prop_assert!(index == last && !assembler.is_open());
                    // A cut item states its size; nothing else may have changed.
                    let mut expected = whole.clone();
                    expected.meta.size = found.meta.size;
                    prop_assert_eq!(*found, expected);
                }
            }
        }
    }
}
