//! Values of every message type, as wild as XML can carry them.
#![allow(dead_code, reason = "every test file uses its own part of these")]

use mdm_protocol::syncml::{
    Alert, AlertCode, Challenge, Command, CommandId, Credentials, CredentialsKind, Format, Group, Header, Item,
    Message, Meta, Operation, Results, Status, StatusCode, Unrecognised, Verb,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Fewer cases than usual, the same in every run unless `PROPTEST_RNG_SEED` says otherwise, and no files left behind:
/// a failing input is printed, and becomes a test of its own.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    let chosen = ProptestConfig::default();
    let rng_seed = match chosen.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        seed @ RngSeed::Fixed(_) => seed,
    };
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..chosen }
}

/// Any text that XML can carry, rich in what has a meaning there.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let markup = prop::sample::select(vec![
        "<",
        ">",
        "&",
        "\"",
        "'",
        "\r",
        "\n",
        "\r\n",
        "\t",
        " ",
        "]]>",
        "<![CDATA[",
        "&amp;",
        "&#13;",
        "<!--",
        "-->",
        "</Data>",
        "<a/>",
        "\u{1f980}",
        "\u{f000}",
        "\u{feff}",
        "\u{a0}",
        "é",
    ]);
    let piece = prop_oneof![markup.prop_map(str::to_owned), "[a-z0-9]{1,8}", character().prop_map(String::from)];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

/// Any text for a field that is read without the white space around it.
pub(crate) fn token() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.trim().to_owned())
}

/// A token that is not empty.
pub(crate) fn word() -> impl Strategy<Value = String> {
    token().prop_map(|text| if text.is_empty() { "x".to_owned() } else { text })
}

fn character() -> impl Strategy<Value = char> {
    any::<char>().prop_map(|character| match character {
        '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'.. => character,
        _ => '?',
    })
}

pub(crate) fn message() -> impl Strategy<Value = Message> {
    (header(), prop::collection::vec(command(), 0..6), any::<bool>()).prop_map(|(header, commands, is_final)| Message {
        header,
        commands,
        is_final,
    })
}

fn header() -> impl Strategy<Value = Header> {
    let addresses = (token(), token(), prop::option::of(token()));
    (token(), any::<u32>(), addresses, prop::option::of(credentials()), meta()).prop_map(
        |(session_id, message_id, (target, source, source_name), credentials, meta)| Header {
            session_id,
            message_id,
            target,
            source,
            source_name,
            credentials,
            meta,
        },
    )
}

fn kind() -> impl Strategy<Value = CredentialsKind> {
    prop::sample::select(vec![CredentialsKind::Basic, CredentialsKind::Md5])
}

fn credentials() -> impl Strategy<Value = Credentials> {
    (kind(), token()).prop_map(|(kind, data)| Credentials { kind, data: data.as_str().into() })
}

fn command() -> impl Strategy<Value = Command> {
    leaf_command().prop_recursive(4, 12, 4, |inner| {
        (id(), prop::collection::vec(inner, 0..4), any::<bool>()).prop_map(|(id, commands, atomic)| {
            let group = Group { id, commands };
            if atomic { Command::Atomic(group) } else { Command::Sequence(group) }
        })
    })
}

fn leaf_command() -> impl Strategy<Value = Command> {
    let verbs = prop::sample::select(vec![Verb::Add, Verb::Replace, Verb::Delete, Verb::Get, Verb::Exec]);
    let names = prop::sample::select(vec!["Copy", "Map", "Put", "Search", "Sync", "Something-else"]);
    prop_oneof![
        4 => (id(), verbs, meta(), items())
            .prop_map(|(id, verb, meta, items)| Command::Operation(Operation { id, verb, meta, items })),
        1 => (id(), any::<u16>(), items())
            .prop_map(|(id, code, items)| Command::Alert(Alert { id, code: AlertCode(code), items })),
        2 => status(),
        1 => (id(), any::<u32>(), id(), meta(), items()).prop_map(|(id, message_ref, command_ref, meta, items)| {
            Command::Results(Results { id, message_ref, command_ref, meta, items })
        }),
        1 => (id(), names)
            .prop_map(|(id, name)| Command::Unrecognised(Unrecognised { id, name: name.to_owned() })),
    ]
}

fn status() -> impl Strategy<Value = Command> {
    let challenge = (kind(), prop::option::of(any::<Vec<u8>>())).prop_map(|(kind, nonce)| Challenge { kind, nonce });
    let references = (any::<u32>(), id(), token(), prop::option::of(token()), prop::option::of(token()));
    (id(), references, prop::option::of(challenge), any::<u16>(), items()).prop_map(
        |(id, (message_ref, command_ref, command, target_ref, source_ref), challenge, code, items)| {
            let code = StatusCode(code);
            Command::Status(Status {
                id,
                message_ref,
                command_ref,
                command,
                target_ref,
                source_ref,
                challenge,
                code,
                items,
            })
        },
    )
}

fn id() -> impl Strategy<Value = CommandId> {
    prop_oneof![any::<u32>().prop_map(CommandId::from), token().prop_map(CommandId)]
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    prop::collection::vec(item(), 0..3)
}

pub(crate) fn item() -> impl Strategy<Value = Item> {
    let addresses = (prop::option::of(token()), prop::option::of(token()));
    (addresses, meta(), prop::option::of(text()), any::<bool>())
        .prop_map(|((target, source), meta, data, more_data)| Item { target, source, meta, data, more_data })
}

fn meta() -> impl Strategy<Value = Meta> {
    let format = prop::sample::select(vec![
        Format::Chr,
        Format::Int,
        Format::Bool,
        Format::B64,
        Format::Xml,
        Format::Node,
        Format::Null,
        Format::Other("time".to_owned()),
    ]);
    let texts = (prop::option::of(token()), prop::option::of(token()), prop::option::of(token()));
    let sizes = (prop::option::of(any::<u64>()), prop::option::of(any::<u64>()), prop::option::of(any::<u64>()));
    (prop::option::of(format), texts, sizes).prop_map(
        |(format, (media_type, mark, next_nonce), (size, max_message_size, max_object_size))| Meta {
            format,
            media_type,
            mark,
            size,
            next_nonce,
            max_message_size,
            max_object_size,
        },
    )
}
