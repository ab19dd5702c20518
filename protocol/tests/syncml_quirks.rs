//! Session messages in every form that real servers give them.

use mdm_protocol::XmlError;
use mdm_protocol::syncml::{
    Challenge, Command, Credentials, CredentialsKind, Format, Group, Message, Results, Status, SyncMlError, Verb,
    decode_fragment, digest,
};

#[test]
fn command_ids_are_opaque_and_comments_may_stand_anywhere() {
    let command = only(
        "<!-- a command --><Get><!-- its id --><CmdID>8f8d7d54-0000-4000-8000-0a0b0c0d0e0f</CmdID><Item><!-- where --><Target>\
         <!-- here --><LocURI>./Dev<!-- cut -->Info</LocURI></Target></Item></Get>",
    );
    assert_eq!(command.id().0, "8f8d7d54-0000-4000-8000-0a0b0c0d0e0f");
    assert_eq!(operation(command).items[0].target.as_deref(), Some("./DevInfo"));
}

#[test]
fn the_end_of_the_package_may_be_missing_or_stand_anywhere() {
    assert!(!message("").is_final);
    let early = message("<Final/><Get><CmdID>1</CmdID></Get>");
    assert!(early.is_final && early.commands.len() == 1);
}

#[test]
fn results_without_a_message_reference_answer_message_1() {
    for reference in ["", "<MsgRef/>", "<MsgRef> 1 </MsgRef>"] {
        let command = only(&format!("<Results><CmdID>1</CmdID>{reference}<CmdRef>2</CmdRef><Cmd>Get</Cmd></Results>"));
        assert!(matches!(command, Command::Results(Results { message_ref: 1, .. })), "{reference}");
    }
}

#[test]
fn a_target_reference_may_be_bare_or_have_an_address_inside() {
    for reference in ["./A", "\n ./A ", "<LocURI>./A</LocURI>", "\n<LocURI> ./A </LocURI>\n"] {
        let found = status(&format!("<TargetRef>{reference}</TargetRef><SourceRef>{reference}</SourceRef>"));
        assert_eq!((found.target_ref.as_deref(), found.source_ref.as_deref()), (Some("./A"), Some("./A")));
    }
}

#[test]
fn the_meta_of_a_challenge_has_any_order() {
    let parts = ["<Type>syncml:auth-md5</Type>", "<Format>b64</Format>", "<NextNonce> Tm9u\nY2U= </NextNonce>"];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let meta = order.map(|index| parts[index]).concat();
        let expected = Challenge { kind: CredentialsKind::Md5, nonce: Some(b"Nonce".to_vec()) };
        assert_eq!(status(&format!("<Chal><Meta>{meta}</Meta></Chal>")).challenge, Some(expected));
    }
}

#[test]
fn a_nonce_that_is_no_base64_is_no_nonce() {
    let found = status("<Chal><Meta><Type>SYNCML:AUTH-MD5</Type><NextNonce>nonce</NextNonce></Meta></Chal>");
    assert_eq!(found.challenge, Some(Challenge { kind: CredentialsKind::Md5, nonce: None }));
}

#[test]
fn a_challenge_in_place_of_the_first_answer_is_understood() {
    let message = message(
        "<Status><!-- for the header --><CmdID>3e0e5b1c-0000-4000-8000-000000000000</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef>\
         <Cmd>SyncHdr</Cmd><Chal><Meta><Type xmlns='syncml:metinf'>syncml:auth-md5</Type><Format xmlns='syncml:metinf'>b64</Format>\
         <NextNonce xmlns='syncml:metinf'>Tm9uY2U=</NextNonce></Meta></Chal><Data>407</Data></Status>",
    );
    let [Command::Status(status)] = message.commands.as_slice() else { panic!("{message:?}") };
    assert_eq!((status.code.0, status.command_ref.0.as_str(), status.command.as_str()), (407, "0", "SyncHdr"));
    assert_eq!(status.challenge.as_ref().unwrap().nonce.as_deref(), Some(&b"Nonce"[..]));
}

#[test]
fn the_digest_is_the_published_one() {
    assert_eq!(digest("Bruce2", &"OhBehave".into(), b"Nonce"), "Zz6EivR3yeaaENcRN6lpAQ==");
    assert_eq!(Credentials::basic("Bruce2", &"OhBehave".into()).data.expose(), "QnJ1Y2UyOk9oQmVoYXZl");
}

#[test]
fn an_alerts_type_may_stand_beside_meta() {
    for item in
        ["<Type>a/b</Type><Meta><Format>chr</Format></Meta>", "<Meta><Type>a/b</Type></Meta>", "<Type> a/b </Type>"]
    {
        let Command::Alert(alert) = only(&format!("<Alert><Data>1224</Data><Item>{item}</Item></Alert>")) else {
            panic!()
        };
        assert_eq!(alert.items[0].meta.media_type.as_deref(), Some("a/b"), "{item}");
    }
}

#[test]
fn a_message_in_the_namespace_of_1_1_or_in_none_is_accepted() {
    for (namespace, version) in [("SYNCML:SYNCML1.1", "DM/1.1"), ("SYNCML:SYNCML1.1", "DM/1.2"), ("", "DM/1.2")] {
        let text = whole("", "<Final/>").replace("SYNCML:SYNCML1.2", namespace).replace("DM/1.2", version);
        assert!(Message::decode(text.as_bytes()).unwrap().is_final);
    }
}

#[test]
fn another_version_is_refused_by_name() {
    let text = whole("", "").replace("DM/1.2", "DM/2.0");
    assert_eq!(Message::decode(text.as_bytes()), Err(SyncMlError::Version("DM/2.0".to_owned())));
}

#[test]
fn prefixes_are_free_and_the_header_has_any_order() {
    let text = "<d:SyncML xmlns:d='SYNCML:SYNCML1.2'><d:SyncBody><d:Final/></d:SyncBody><d:SyncHdr><d:Source><d:LocURI>s</d:LocURI>\
                </d:Source><d:Target><d:LocURI>t</d:LocURI></d:Target><d:MsgID> 7 </d:MsgID><d:SessionID>1F</d:SessionID>\
                </d:SyncHdr></d:SyncML>";
    let message = Message::decode(text.as_bytes()).unwrap();
    let header = &message.header;
    assert_eq!((header.session_id.as_str(), header.message_id), ("1F", 7));
    assert_eq!((header.target.as_str(), header.source.as_str(), message.is_final), ("t", "s", true));
}

#[test]
fn data_is_the_same_escaped_and_as_character_data() {
    let expected = "<a b=\"1\">x &amp; y</a>";
    let forms = [
        "&lt;a b=\"1\">x &amp;amp; y&lt;/a&gt;",
        "<![CDATA[<a b=\"1\">x &amp; y</a>]]>",
        "<![CDATA[<a b=\"1\">]]>x &amp;amp; y<![CDATA[</a>]]>",
        "&#60;a b=&quot;1&quot;>x &#x26;amp; y<![CDATA[</a>]]>",
    ];
    for form in forms {
        assert_eq!(data(form).as_deref(), Some(expected), "{form}");
    }
}

#[test]
fn live_elements_in_data_are_kept_as_they_stand() {
    let live = "<w:P xmlns:w='urn:w'><!-- kept -->\n  <k a=\"&lt;\">x &amp; y</k><![CDATA[<]]></w:P>";
    assert_eq!(data(&format!("\n  {live}\n")).as_deref(), Some(live));
}

#[test]
fn text_in_data_keeps_its_white_space_and_has_its_line_ends_normalised() {
    assert_eq!(data(" a\r\nb\rc&#13;\t").as_deref(), Some(" a\nb\nc\r\t"));
    assert_eq!(data("").as_deref(), Some(""));
}

#[test]
fn a_command_without_an_id_is_read_so_that_it_can_be_refused() {
    for id in ["", "<CmdID/>", "<CmdID> </CmdID>"] {
        assert!(only(&format!("<Delete>{id}</Delete>")).id().is_missing());
    }
}

#[test]
fn unknown_elements_are_read_so_that_they_can_be_refused() {
    let copy = only("<Copy><CmdID>4</CmdID><Item/></Copy>");
    assert_eq!((copy.name(), copy.id().0.as_str()), ("Copy", "4"));
    assert!(matches!(copy, Command::Unrecognised(_)));
    let Command::Atomic(Group { id, commands }) = only(
        "<Atomic><Meta/><CmdID>1</CmdID><NoResp/><add/><Frobnicate><CmdID>2</CmdID></Frobnicate><Get><CmdID>3</CmdID></Get></Atomic>",
    ) else {
        panic!("no Atomic")
    };
    let names: Vec<_> = commands.iter().map(|command| (command.name(), command.id().0.as_str())).collect();
    assert_eq!((id.0.as_str(), names), ("1", vec![("add", ""), ("Frobnicate", "2"), ("Get", "3")]));
}

#[test]
fn meta_is_read_without_its_namespace_and_without_a_format() {
    let meta = "<Meta><Type>text/plain</Type></Meta><Item><Meta><Format>XML</Format></Meta></Item><Item/>";
    let add = operation(only(&format!("<Add>{meta}</Add>")));
    assert_eq!((add.items[0].format(&add.meta), add.items[1].format(&add.meta)), (&Format::Xml, &Format::Chr));
    assert_eq!(add.meta.media_type.as_deref(), Some("text/plain"));
}

#[test]
fn an_address_is_trimmed_and_else_kept_to_the_letter() {
    let get = operation(only(
        "<Get><Item><Target><LocURI>\n  ./device/vendor/MSFT/WiFi/Profile/a%20b  \n</LocURI></Target></Item></Get>",
    ));
    assert_eq!(get.items[0].target.as_deref(), Some("./device/vendor/MSFT/WiFi/Profile/a%20b"));
}

#[test]
fn an_item_without_an_address_is_read_so_that_it_can_be_refused() {
    let exec = operation(only("<Exec><Item><Target/><Data>x</Data></Item></Exec>"));
    assert_eq!((exec.verb, exec.items[0].target.as_deref()), (Verb::Exec, None));
}

#[test]
fn a_fragment_is_read_with_or_without_a_body_and_a_declaration() {
    let commands = "<Add><CmdID>1</CmdID></Add><!-- and --><Get><CmdID>2</CmdID></Get>";
    for text in [
        commands.to_owned(),
        format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{commands}"),
        format!("\u{feff}<?xml version=\"1.0\"?>\n<SyncBody xmlns='x'>{commands}<Final/></SyncBody>\n"),
    ] {
        assert_eq!(decode_fragment(&text).unwrap().len(), 2, "{text}");
    }
}

#[test]
fn a_soap_fault_in_place_of_a_message_is_told_by_its_envelope() {
    let text = "<s:Envelope xmlns:s='urn:s'><s:Body><s:fault/></s:Body></s:Envelope>";
    let expected = XmlError::WrongRoot { expected: "SyncML", found: "Envelope".to_owned() };
    assert_eq!(Message::decode(text.as_bytes()), Err(SyncMlError::Xml(expected)));
}

fn whole(header: &str, body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD>\
         <VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID>{header}</SyncHdr><SyncBody>{body}</SyncBody></SyncML>"
    )
}

fn message(body: &str) -> Message {
    Message::decode(whole("", body).as_bytes()).expect("a message that is accepted")
}

fn only(body: &str) -> Command {
    let mut commands = message(body).commands;
    assert_eq!(commands.len(), 1);
    commands.remove(0)
}

fn operation(command: Command) -> mdm_protocol::syncml::Operation {
    let Command::Operation(operation) = command else { panic!("{command:?} is no operation") };
    operation
}

fn status(content: &str) -> Status {
    let Command::Status(status) = only(&format!("<Status>{content}<Data>200</Data></Status>")) else {
        panic!("no Status")
    };
    status
}

fn data(content: &str) -> Option<String> {
    operation(only(&format!("<Add><Item><Data>{content}</Data></Item></Add>"))).items.remove(0).data
}
