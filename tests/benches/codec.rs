//! `cargo bench -p mdm-tests`: what it costs to read and write a message of 100 commands, against quick-xml's bare
//! event loop over the same bytes in the same run.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mdm_protocol::syncml::{Command, CommandId, Format, Header, Item, Message, Meta, Operation, Verb};
use quick_xml::Reader;
use quick_xml::events::Event;

fn codec(criterion: &mut Criterion) {
    let message = message();
    let text = message.encode();
    let mut group = criterion.benchmark_group("syncml-100-commands");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("bare-event-loop", |bencher| bencher.iter(|| events(black_box(&text))));
    group.bench_function("decode", |bencher| bencher.iter(|| Message::decode(black_box(text.as_bytes()))));
    group.bench_function("encode", |bencher| bencher.iter(|| black_box(&message).encode()));
    group.finish();
}

fn events(text: &str) -> usize {
    let mut reader = Reader::from_str(text);
    let mut count = 0;
    while !matches!(reader.read_event(), Ok(Event::Eof) | Err(_)) {
        count += 1;
    }
    count
}

/// Half of the commands carry escaped markup, as Wi-Fi and VPN profiles do.
fn message() -> Message {
    let command = |number: u32| {
        let data = if number.is_multiple_of(2) {
            "<WLANProfile xmlns=\"http://www.microsoft.com/networking/WLAN/profile/v1\"><name>Corp</name></WLANProfile>"
        } else {
            "a value without markup"
        };
        let target = format!("./Device/Vendor/MSFT/Policy/Config/Area{}/Policy{number}", number % 10);
        Command::Operation(Operation {
            id: CommandId::from(number),
            verb: Verb::Replace,
            meta: Meta::default(),
            items: vec![Item::target(target).with_meta(Meta::format(Format::Chr)).with_data(data)],
        })
    };
    Message {
        header: Header {
            session_id: "1".to_owned(),
            message_id: 1,
            target: "device".to_owned(),
            source: "https://mdm.contoso.example/ManagementServer/MDM.svc".to_owned(),
            ..Header::default()
        },
        commands: (1..=100).map(command).collect(),
        is_final: true,
    }
}

criterion_group!(benches, codec);
criterion_main!(benches);
