//! From a [`Message`] to compact XML, in the element order of the DTD.

use super::{
    Alert, Challenge, Command, Credentials, Format, Group, Header, Item, Message, Meta, Operation, Results, Status,
};
use crate::base64;
use crate::xml::XmlWriter;

const METINF: &[(&str, &str)] = &[("xmlns", "syncml:metinf")];

pub(super) fn message(message: &Message) -> String {
    let mut xml = XmlWriter::new();
    xml.element("SyncML", &[("xmlns", "SYNCML:SYNCML1.2")], |xml| {
        xml.element("SyncHdr", &[], |xml| header(xml, &message.header));
        xml.element("SyncBody", &[], |xml| {
            message.commands.iter().for_each(|each| command(xml, each));
            if message.is_final {
                xml.empty("Final", &[]);
            }
        });
    });
    xml.finish()
}

pub(super) fn encoded_len(one: &Command) -> usize {
    let mut xml = XmlWriter::new();
    command(&mut xml, one);
    xml.finish().len()
}

fn header(xml: &mut XmlWriter, header: &Header) {
    xml.text_leaf("VerDTD", "1.2");
    xml.text_leaf("VerProto", "DM/1.2");
    xml.text_leaf("SessionID", &header.session_id);
    xml.leaf("MsgID", &[], header.message_id);
    location(xml, "Target", &header.target);
    xml.element("Source", &[], |xml| {
        xml.text_leaf("LocURI", &header.source);
        if let Some(name) = &header.source_name {
            xml.text_leaf("LocName", name);
        }
    });
    if let Some(proof) = &header.credentials {
        credentials(xml, proof);
    }
    meta(xml, &header.meta);
}

fn command(xml: &mut XmlWriter, command: &Command) {
    xml.element(command.name(), &[], |xml| {
        if !command.id().is_missing() {
            xml.text_leaf("CmdID", &command.id().0);
        }
        match command {
            Command::Operation(inner) => operation(xml, inner),
            Command::Atomic(inner) | Command::Sequence(inner) => group(xml, inner),
            Command::Alert(inner) => alert(xml, inner),
            Command::Status(inner) => status(xml, inner),
            Command::Results(inner) => results(xml, inner),
            Command::Unrecognised(_) => {}
        }
    });
}

fn operation(xml: &mut XmlWriter, operation: &Operation) {
    meta(xml, &operation.meta);
    operation.items.iter().for_each(|each| item(xml, each));
}

fn group(xml: &mut XmlWriter, group: &Group) {
    group.commands.iter().for_each(|each| command(xml, each));
}

fn alert(xml: &mut XmlWriter, alert: &Alert) {
    xml.leaf("Data", &[], alert.code.0);
    alert.items.iter().for_each(|each| item(xml, each));
}

fn status(xml: &mut XmlWriter, status: &Status) {
    xml.leaf("MsgRef", &[], status.message_ref);
    xml.text_leaf("CmdRef", &status.command_ref.0);
    xml.text_leaf("Cmd", &status.command);
    if let Some(target) = &status.target_ref {
        xml.text_leaf("TargetRef", target);
    }
    if let Some(source) = &status.source_ref {
        xml.text_leaf("SourceRef", source);
    }
    if let Some(demand) = &status.challenge {
        challenge(xml, demand);
    }
    xml.leaf("Data", &[], status.code.0);
    status.items.iter().for_each(|each| item(xml, each));
}

fn results(xml: &mut XmlWriter, results: &Results) {
    xml.leaf("MsgRef", &[], results.message_ref);
    xml.text_leaf("CmdRef", &results.command_ref.0);
    meta(xml, &results.meta);
    results.items.iter().for_each(|each| item(xml, each));
}

fn item(xml: &mut XmlWriter, item: &Item) {
    xml.element("Item", &[], |xml| {
        if let Some(target) = &item.target {
            location(xml, "Target", target);
        }
        if let Some(source) = &item.source {
            location(xml, "Source", source);
        }
        meta(xml, &item.meta);
        if let Some(data) = &item.data {
            xml.text_leaf("Data", data);
        }
        if item.more_data {
            xml.empty("MoreData", &[]);
        }
    });
}

fn location(xml: &mut XmlWriter, name: &str, uri: &str) {
    xml.element(name, &[], |xml| xml.text_leaf("LocURI", uri));
}

fn meta(xml: &mut XmlWriter, meta: &Meta) {
    if meta.is_empty() {
        return;
    }
    xml.element("Meta", &[], |xml| {
        if let Some(format) = &meta.format {
            xml.leaf("Format", METINF, format.as_str());
        }
        if let Some(media_type) = &meta.media_type {
            xml.leaf("Type", METINF, media_type);
        }
        if let Some(mark) = &meta.mark {
            xml.leaf("Mark", METINF, mark);
        }
        if let Some(size) = meta.size {
            xml.leaf("Size", METINF, size);
        }
        if let Some(nonce) = &meta.next_nonce {
            xml.leaf("NextNonce", METINF, nonce);
        }
        if let Some(size) = meta.max_message_size {
            xml.leaf("MaxMsgSize", METINF, size);
        }
        if let Some(size) = meta.max_object_size {
            xml.leaf("MaxObjSize", METINF, size);
        }
    });
}

fn credentials(xml: &mut XmlWriter, credentials: &Credentials) {
    let details = Meta { media_type: Some(credentials.kind.as_str().to_owned()), ..Meta::format(Format::B64) };
    xml.element("Cred", &[], |xml| {
        meta(xml, &details);
        xml.text_leaf("Data", credentials.data.expose());
    });
}

fn challenge(xml: &mut XmlWriter, challenge: &Challenge) {
    let details = Meta {
        media_type: Some(challenge.kind.as_str().to_owned()),
        next_nonce: challenge.nonce.as_ref().map(base64::encode),
        ..Meta::format(Format::B64)
    };
    xml.element("Chal", &[], |xml| meta(xml, &details));
}
