//! Thunderbird's own search for the servers of a mail address, on the description that we leave it.

use std::process::Command;

use mdm_tests::marionette::{Marionette, arguments, prepare};
use mdm_tests::processes::{Process, silent};
use serde_json::{Value, json};

use crate::alone::alone;
use crate::machine::Machine;
use crate::samples::profile;

/// What account creation finds for a domain in Thunderbird's own directory.
const SEARCH: &str = r#"
const [domain, done] = arguments;
const { FetchConfig } = ChromeUtils.importESModule("resource:///modules/accountcreation/FetchConfig.sys.mjs");
FetchConfig.fromDisk(domain, new AbortController().signal).then(found => done(JSON.stringify({
    domains: found.domains,
    source: found.subSource,
    incoming: [found.incoming.type, found.incoming.hostname, found.incoming.port, found.incoming.username],
    encrypted: found.incoming.socketType === Ci.nsMsgSocketType.SSL,
    outgoing: [found.outgoing.type, found.outgoing.hostname, found.outgoing.port],
    exchangeURL: found.incoming.exchangeURL,
})), error => done(JSON.stringify({ error: String(error) })));
"#;

/// Thunderbird without a screen.
struct Thunderbird {
    _process: Process,
    marionette: Marionette,
}

impl Thunderbird {
    fn start(machine: &Machine) -> Self {
        let folder = machine.folder().join("thunderbird");
        std::fs::create_dir(&folder).unwrap();
        let port = prepare(&folder).unwrap();
        let process = Process::start(Command::new("thunderbird").args(arguments(&folder)), &silent()).unwrap();
        Self { _process: process, marionette: Marionette::begin(port).unwrap() }
    }

    /// What it finds for a domain.
    fn search(&mut self, domain: &str) -> Value {
        let answer = self.marionette.run_to_its_end(SEARCH, &[domain]).unwrap();
        serde_json::from_str(answer.as_str().unwrap()).unwrap()
    }
}

#[test]
#[ignore = "needs thunderbird, root and unshare"]
fn thunderbird_finds_the_servers_of_a_domain_in_our_description() {
    alone(thunderbird_finds_the_servers_of_a_domain_in_our_description, |machine| {
        let mailbox = profile(
            "./User/Vendor/MSFT/EMAIL2/%7B1%7D",
            &[
                ("SERVICENAME", "Corp <Mail>"),
                ("SERVICETYPE", "IMAP4"),
                ("REPLYADDR", "ada@example.org"),
                ("AUTHNAME", "ada"),
                ("INSERVER", "imap.example.org:993"),
                ("OUTSERVER", "smtp.example.org"),
                ("AUTHREQUIRED", "1"),
                ("TAGPROPS/8128000B", "1"),
                ("TAGPROPS/812C000B", "1"),
            ],
        );
        let exchange = profile(
            "./User/Vendor/MSFT/ActiveSync/Accounts/%7B2%7D",
            &[
                ("EmailAddress", "ada@exchange.example"),
                ("ServerName", "mail.exchange.example"),
                ("UserName", "ada"),
                ("Domain", "CORP"),
            ],
        );
        let mut thunderbird = Thunderbird::start(machine);
        assert_eq!(thunderbird.search("example.org")["error"], "Error: local file not found");
        machine.put_in_force(&[mailbox.clone(), exchange]);
        let found = thunderbird.search("example.org");
        assert_eq!([&found["domains"], &found["source"]], [&json!(["example.org"]), &json!("xml-from-disk")]);
        assert_eq!(found["incoming"], json!(["imap", "imap.example.org", 993, "%EMAILLOCALPART%"]));
        assert_eq!(
            [&found["outgoing"], &found["encrypted"]],
            [&json!(["smtp", "smtp.example.org", 465]), &json!(true)]
        );
        let found = thunderbird.search("exchange.example");
        assert_eq!(found["error"], Value::Null);
        assert_eq!(found["incoming"], json!(["exchange", "mail.exchange.example", 443, "CORP\\%EMAILLOCALPART%"]));
        assert_eq!(found["exchangeURL"], "https://mail.exchange.example/EWS/Exchange.asmx");
        let file = machine.file_of(&mailbox, "/usr/share/thunderbird/isp");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("imap.example.org", "imap example")).unwrap();
        assert!(thunderbird.search("example.org")["error"].is_string());
        std::fs::write(&file, text).unwrap();
        machine.undo();
        assert_eq!(thunderbird.search("example.org")["error"], "Error: local file not found");
    });
}
