//! Templated settings and check-in schedules.

use mdm_protocol::csp::dm_client::{Poll, PollSet};
use mdm_protocol::csp::policy::{AdmxValue, LIST_SEPARATOR};
use mdm_protocol::syncml::{Command, StatusCode, decode_fragment};

#[test]
fn a_setting_is_on_with_its_data_or_off() {
    let on = AdmxValue::Enabled(vec![("a".to_owned(), "1 < 2".to_owned()), ("b".to_owned(), String::new())]);
    assert_eq!(parse("<enabled/><data id=\"a\" value=\"1 &lt; 2\"/><data id='b'/>"), on);
    assert_eq!(parse("\n <Enabled></Enabled>\n"), AdmxValue::Enabled(vec![]));
    assert_eq!(parse("<disabled/>"), AdmxValue::Disabled);
}

#[test]
fn a_setting_is_the_same_escaped_and_as_character_data_and_live() {
    let value = "<enabled/><data id=\"n\" value=\"x &amp; y\"/>";
    let escaped = value.replace('&', "&amp;").replace('<', "&lt;");
    for data in [value, &escaped, &format!("<![CDATA[{value}]]>")] {
        let commands = decode_fragment(&format!("<Replace><Item><Data>{data}</Data></Item></Replace>")).unwrap();
        let [Command::Operation(replace)] = commands.as_slice() else { panic!("{commands:?}") };
        let parsed = parse(replace.items[0].data.as_deref().unwrap());
        assert_eq!(parsed, AdmxValue::Enabled(vec![("n".to_owned(), "x & y".to_owned())]));
    }
}

#[test]
fn the_separator_of_a_list_survives_as_character_and_as_reference() {
    for text in ["<enabled/><data id='l' value='1\u{f000}one'/>", "<enabled/><data id='l' value='1&#xF000;one'/>"] {
        let AdmxValue::Enabled(data) = parse(text) else { panic!("disabled") };
        assert_eq!(data[0].1.split(LIST_SEPARATOR).collect::<Vec<_>>(), ["1", "one"]);
    }
}

#[test]
fn a_setting_that_is_neither_on_nor_off_or_both_is_refused() {
    for text in [
        "",
        "1",
        "<data id='a' value='1'/>",
        "<enabled/><disabled/>",
        "<enabled>",
        "</policy><policy>",
        "<!DOCTYPE a><enabled/>",
    ] {
        let error = AdmxValue::parse("Limit", text).unwrap_err();
        assert_eq!((error.status, error.node.as_str()), (StatusCode::UNSUPPORTED_FORMAT, "Limit"), "{text}");
    }
}

#[test]
fn a_schedule_has_the_documented_defaults() {
    assert_eq!(poll(&[]), Poll::UNSET);
    let sets = Poll::UNSET.sets.map(|set| (set.interval_minutes, set.count));
    assert_eq!(sets, [(15, 10), (0, 0), (0, 0)]);
    assert_eq!(Poll::DEFAULT.sets.map(|set| (set.interval_minutes, set.count)), [(3, 5), (15, 8), (480, 0)]);
}

#[test]
fn a_set_without_an_end_is_kept_as_it_is_said() {
    let poll = poll(&[("IntervalForFirstSetOfRetries", "1"), ("NumberOfFirstRetries", "0")]);
    assert_eq!(poll.sets[0], PollSet { interval_minutes: 1, count: 0 });
    let poll =
        self::poll(&[("intervalforremainingscheduledretries", " 1560 "), ("NumberOfRemainingScheduledRetries", "0")]);
    assert_eq!(poll.sets, [Poll::UNSET.sets[0], PollSet::default(), PollSet { interval_minutes: 1560, count: 0 }]);
}

#[test]
fn a_set_that_is_off_is_kept_as_it_is_said() {
    let poll = poll(&[
        ("IntervalForFirstSetOfRetries", "0"),
        ("IntervalForSecondSetOfRetries", "5"),
        ("NumberOfSecondRetries", "3"),
    ]);
    assert_eq!(poll.sets.map(|set| (set.interval_minutes, set.count)), [(0, 10), (5, 3), (0, 0)]);
}

#[test]
fn what_is_no_number_counts_as_not_said() {
    for value in ["", "-1", "soon", "4294967296"] {
        assert_eq!(
            poll(&[("IntervalForFirstSetOfRetries", value), ("PollOnLogin", value), ("Unknown", "1")]),
            Poll::UNSET,
            "{value}"
        );
    }
}

#[test]
fn sign_ins_can_start_sessions() {
    let poll = poll(&[("PollOnLogin", "TRUE"), ("AllUsersPollOnFirstLogin", "1")]);
    assert!(poll.on_login && poll.all_users_on_first_login);
}

fn parse(text: &str) -> AdmxValue {
    AdmxValue::parse("Limit", text).expect("a setting that is accepted")
}

fn poll(nodes: &[(&str, &str)]) -> Poll {
    Poll::from_nodes(nodes.iter().copied())
}
