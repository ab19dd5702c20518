//! Large objects: what becomes of pieces that do not fit, do not add up or do not belong together.

use mdm_protocol::syncml::{Assembler, Item, LargeObjectError, Meta, Piece, StatusCode, split};

#[test]
fn the_pieces_of_an_object_never_cut_a_character() {
    let pieces = split(Item::target("./A").with_data("é🦀x".repeat(20)), 5);
    assert!(pieces.len() > 20);
    assert_eq!(pieces.iter().filter_map(|piece| piece.data.as_deref()).collect::<String>(), "é🦀x".repeat(20));
    assert!(pieces.iter().all(|piece| piece.target.as_deref() == Some("./A")));
}

#[test]
fn only_the_first_piece_states_the_size_and_only_the_last_has_no_more() {
    let pieces = split(Item::target("./A").with_data("0123456789"), 4);
    let said: Vec<_> = pieces.iter().map(|piece| (piece.meta.size, piece.more_data)).collect();
    assert_eq!(said, [(Some(10), true), (None, true), (None, false)]);
}

#[test]
fn an_item_that_fits_is_left_alone() {
    let item = Item::target("./A").with_data("0123456789");
    assert_eq!(split(item.clone(), 10), [item]);
    assert_eq!(split(Item::target("./A"), 0), [Item::target("./A")]);
}

#[test]
fn pieces_that_do_not_add_up_are_refused() {
    let mut assembler = Assembler::new(100);
    assert_eq!(assembler.accept(piece("./A", "0123", Some(10), true)), Ok(Piece::Buffered));
    let error = assembler.accept(piece("./A", "4567", None, false)).unwrap_err();
    assert_eq!(error, LargeObjectError::SizeMismatch { announced: 10, actual: 8 });
    assert_eq!((error.status(), assembler.is_open()), (StatusCode::SIZE_MISMATCH, false));
}

#[test]
fn an_announced_size_beyond_the_limit_is_refused_at_once() {
    let error = Assembler::new(100).accept(piece("./A", "0123", Some(101), true)).unwrap_err();
    assert_eq!(
        (error, error.status()),
        (LargeObjectError::SizeTooBig { size: 101, limit: 100 }, StatusCode::SIZE_TOO_BIG)
    );
}

#[test]
fn pieces_beyond_the_limit_are_refused_whatever_was_announced() {
    let mut assembler = Assembler::new(10);
    assert_eq!(assembler.accept(piece("./A", "0123456789", Some(3), true)), Ok(Piece::Buffered));
    let error = assembler.accept(piece("./A", "x", None, true)).unwrap_err();
    assert_eq!((error, error.status()), (LargeObjectError::TooLarge { limit: 10 }, StatusCode::TOO_LARGE));
    assert!(!assembler.is_open());
}

#[test]
fn an_object_in_one_piece_beyond_the_limit_is_refused_too() {
    let mut assembler = Assembler::new(10);
    assert!(assembler.accept(piece("./A", "0123456789", None, false)).is_ok());
    assert_eq!(
        assembler.accept(piece("./A", "0123456789x", None, false)),
        Err(LargeObjectError::TooLarge { limit: 10 })
    );
}

#[test]
fn another_node_in_between_ends_the_object() {
    let mut assembler = Assembler::new(100);
    assert!(!assembler.interrupted_by(&piece("./A", "0", None, true)));
    assembler.accept(piece("./A", "0", None, true)).unwrap();
    for same in ["./A", "A", " ./A ", "./Device/A", "./%41", "./device/A"] {
        assert!(!assembler.interrupted_by(&piece(same, "1", None, true)), "{same}");
    }
    let other = piece("./B", "2", None, false);
    assert!(assembler.interrupted_by(&other) && !assembler.is_open());
    assert_eq!(assembler.accept(other.clone()), Ok(Piece::Whole(Box::new(other))));
}

#[test]
fn a_last_piece_without_data_ends_the_object() {
    let mut assembler = Assembler::new(100);
    assembler.accept(piece("./A", "01", Some(2), true)).unwrap();
    let Ok(Piece::Whole(item)) = assembler.accept(Item::target("./A")) else { panic!("not whole") };
    assert_eq!((item.data.as_deref(), item.more_data), (Some("01"), false));
}

fn piece(target: &str, data: &str, size: Option<u64>, more_data: bool) -> Item {
    let item = Item::target(target).with_data(data).with_meta(Meta { size, ..Meta::default() });
    Item { more_data, ..item }
}
