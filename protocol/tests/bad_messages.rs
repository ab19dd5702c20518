//! Session messages that are well-formed XML and yet no messages: each reason by its own name.

use mdm_protocol::Limits;
use mdm_protocol::syncml::{Command, CommandId, Message, SyncMlError, UsedCommandIds, decode_fragment};

#[test]
fn what_every_message_needs_is_asked_for_by_name() {
    let refused = |text: &str| Message::decode(text.as_bytes()).unwrap_err();
    assert_eq!(refused("<SyncML/>"), SyncMlError::Missing("SyncHdr"));
    assert_eq!(
        refused("<SyncML><SyncHdr><SessionID>1</SessionID><MsgID>1</MsgID></SyncHdr></SyncML>"),
        SyncMlError::Missing("SyncBody")
    );
    assert_eq!(
        refused("<SyncML><SyncHdr><MsgID>1</MsgID></SyncHdr><SyncBody/></SyncML>"),
        SyncMlError::Missing("SessionID")
    );
    assert_eq!(
        refused("<SyncML><SyncHdr><SessionID>1</SessionID></SyncHdr><SyncBody/></SyncML>"),
        SyncMlError::Missing("MsgID")
    );
}

#[test]
fn a_message_number_that_is_none_is_refused() {
    for value in ["4294967296", "-1", "1.0", "0x1", "one", "", "99999999999999999999999999"] {
        let text = whole("", "").replace("<MsgID>1<", &format!("<MsgID>{value}<"));
        assert_eq!(Message::decode(text.as_bytes()), Err(not_a_number("MsgID", value)));
    }
}

#[test]
fn a_message_reference_that_is_no_number_is_refused() {
    for element in ["Status", "Results"] {
        let body = format!("<{element}><MsgRef>4294967296</MsgRef><CmdRef>1</CmdRef><Data>200</Data></{element}>");
        assert_eq!(refuse(&body), not_a_number("MsgRef", "4294967296"));
    }
}

#[test]
fn a_command_reference_is_text_however_large_its_number() {
    let number = "99999999999999999999999999";
    let text = whole("", &format!("<Status><CmdRef>{number}</CmdRef><Data>200</Data></Status>"));
    let message = Message::decode(text.as_bytes()).unwrap();
    assert!(matches!(&message.commands[..], [Command::Status(status)] if status.command_ref.0 == number));
}

#[test]
fn a_status_code_that_is_no_number_is_refused() {
    for value in ["65536", "-200", "ok", "200 ok", ""] {
        assert_eq!(refuse(&format!("<Status><Data>{value}</Data></Status>")), not_a_number("Data", value));
    }
}

#[test]
fn a_status_without_a_code_is_refused() {
    assert_eq!(refuse("<Status><CmdRef>1</CmdRef></Status>"), SyncMlError::Missing("Data"));
}

#[test]
fn an_alert_without_a_code_is_refused_by_itself_wherever_it_stands() {
    for data in
        ["", "<Data/>", "<Data>x</Data>", "<Data>65536</Data>", "<Data>-1</Data>", "<Item><Data>1224</Data></Item>"]
    {
        let body = format!("<Alert><CmdID>7</CmdID>{data}</Alert>");
        let inside = format!("<Atomic><CmdID>1</CmdID><Sequence><CmdID>2</CmdID>{body}</Sequence></Atomic>");
        let text = whole("", &format!("{body}{inside}<Get><CmdID>8</CmdID></Get>"));
        let commands = Message::decode(text.as_bytes()).unwrap().commands;
        let [Command::Unrecognised(refused), Command::Atomic(outer), Command::Operation(_)] = &commands[..] else {
            panic!("{data}: {commands:?}")
        };
        assert_eq!((refused.id.0.as_str(), refused.name.as_str()), ("7", "Alert"));
        let [Command::Sequence(inner)] = &outer.commands[..] else { panic!("{data}: {outer:?}") };
        assert_eq!(inner.commands, [commands[0].clone()]);
    }
}

#[test]
fn an_empty_header_is_called_one() {
    let text = whole("", "");
    let empty =
        [text.split("<SyncHdr>").next().unwrap(), "<SyncHdr/>", text.split("</SyncHdr>").nth(1).unwrap()].concat();
    let refusal = Message::decode(empty.as_bytes()).unwrap_err();
    assert_eq!(refusal, SyncMlError::EmptyHeader);
    assert!(refusal.to_string().contains("<SyncHdr> is empty"), "{refusal}");
}

#[test]
fn a_number_is_used_up_by_the_first_command_that_has_it() {
    let mut used = UsedCommandIds::default();
    let admitted: Vec<bool> =
        ["1", "2", "1", "", "", "01"].iter().map(|id| used.admit(&CommandId::from(*id))).collect();
    assert_eq!(admitted, [true, true, false, true, true, true]);
}

#[test]
fn a_refusal_quotes_no_more_than_the_beginning_of_a_number() {
    let text = refuse(&format!("<Status><Data>{}</Data></Status>", "é".repeat(10_000))).to_string();
    assert!(text.chars().count() < 100, "{text}");
}

#[test]
fn a_size_that_is_no_number_is_not_said() {
    let body = "<Add><Meta><Size>18446744073709551616</Size><MaxObjSize>many</MaxObjSize></Meta></Add>";
    let message = Message::decode(whole("", body).as_bytes()).unwrap();
    assert!(matches!(&message.commands[..], [Command::Operation(add)] if add.meta.is_empty()));
}

#[test]
fn a_fault_deep_inside_a_group_refuses_the_message() {
    let body = "<Atomic><Sequence><Atomic><Status><Data>x</Data></Status></Atomic></Sequence></Atomic>";
    assert_eq!(refuse(body), not_a_number("Data", "x"));
}

#[test]
fn groups_as_deep_as_allowed_are_read() {
    let depth = Limits::MESSAGE.depth - 2;
    let body = format!("{}{}", "<Atomic>".repeat(depth), "</Atomic>".repeat(depth));
    assert!(Message::decode(whole("", &body).as_bytes()).is_ok());
    let body = format!("<Atomic>{body}</Atomic>");
    assert!(Message::decode(whole("", &body).as_bytes()).is_err());
}

#[test]
fn narrower_limits_are_kept() {
    let text = whole("", "");
    let limits = Limits { bytes: text.len(), ..Limits::MESSAGE };
    assert!(Message::decode_within(text.as_bytes(), &limits).is_ok());
    assert!(Message::decode_within(format!("{text} ").as_bytes(), &limits).is_err());
}

#[test]
fn credentials_of_an_unknown_kind_are_no_credentials() {
    for cred in [
        "<Cred/>",
        "<Cred><Meta><Type>syncml:auth-magic</Type></Meta><Data>x</Data></Cred>",
        "<Cred><Meta><Type>syncml:auth-md5</Type></Meta></Cred>",
    ] {
        assert_eq!(Message::decode(whole(cred, "").as_bytes()).unwrap().header.credentials, None, "{cred}");
    }
}

#[test]
fn a_fragment_cannot_leave_the_body_it_is_put_in() {
    for text in ["</SyncBody><SyncBody>", "</SyncBody>", "<SyncBody>", "<Add>", "<!-- ", "<![CDATA["] {
        assert!(decode_fragment(text).is_err(), "{text}");
    }
}

fn whole(header: &str, body: &str) -> String {
    format!(
        "<SyncML><SyncHdr><SessionID>1</SessionID><MsgID>1</MsgID>{header}</SyncHdr><SyncBody>{body}</SyncBody></SyncML>"
    )
}

fn refuse(body: &str) -> SyncMlError {
    Message::decode(whole("", body).as_bytes()).expect_err("a message that is refused")
}

fn not_a_number(element: &'static str, value: &str) -> SyncMlError {
    SyncMlError::NotANumber { element, value: value.to_owned() }
}
