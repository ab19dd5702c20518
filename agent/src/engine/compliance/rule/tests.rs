use std::collections::BTreeMap;

use super::super::facts::ScriptValue;
use super::*;

fn nodes(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    list.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect()
}

fn plain(id: &str, value: &str) -> Result<Rule, RuleError> {
    Rule::read(id, &nodes(&[("", value)]))
}

fn why(result: Result<Rule, RuleError>) -> String {
    result.unwrap_err().to_string()
}

fn custom(rules: &str) -> Result<Rule, RuleError> {
    Rule::read("linux_customcompliance_own", &nodes(&[("Script", "echo '{}'"), ("Rules", rules)]))
}

fn one(rule: &str) -> Result<Rule, RuleError> {
    custom(&format!(r#"{{"Rules":[{rule}]}}"#))
}

#[test]
fn the_case_of_an_id_does_not_matter_and_scripts_are_listed() {
    assert_eq!(plain("TPM_Required", "1"), plain("tpm_required", "1"));
    let id = "Linux_CustomCompliance_Own".to_owned();
    let rules = r#"{"Rules":[{"SettingName":"a","Operator":"IsEquals","DataType":"Boolean","Operand":true}]}"#;
    let custom = Rule::read(&id, &nodes(&[("script", "echo"), ("RULES", rules)])).unwrap();
    let all = BTreeMap::from([(id.clone(), custom), ("tpm_required".to_owned(), plain("tpm_required", "1").unwrap())]);
    assert_eq!(discovery_scripts(&all), [(id, "echo".to_owned())]);
    assert!(matches!(plain("ä", "1"), Err(RuleError::UnknownId(_))));
    assert!(matches!(plain("linux_customcomplianceä", "1"), Err(RuleError::UnknownId(_))));
}

#[test]
fn an_unknown_id_is_told_from_a_bad_value() {
    assert!(matches!(plain("linux_antivirus", "1"), Err(RuleError::UnknownId(_))));
    assert!(matches!(plain("linux_distribution_alloweddistrosx", "[]"), Err(RuleError::UnknownId(_))));
    for (id, value) in [
        ("linux_deviceencryption_required", "yes"),
        ("linux_passwordpolicy_minimumlength", "-1"),
        ("linux_passwordpolicy_minimumdigits", "65"),
        ("linux_passwordpolicy_minimumlowercase", "99999999999"),
        ("linux_passwordpolicy_minimumuppercase", ""),
        ("linux_passwordpolicy_minimumsymbols", "1.5"),
        ("linux_distribution_alloweddistros", "ubuntu"),
        ("firewall_required", "2"),
        ("secureboot_required", ""),
        ("tpm_required", "on"),
        ("automaticupdates_required", "null"),
        ("screenlock_maximumidle", "0"),
        ("kernel_minimumversion", "new"),
        ("patch_maximumage", "0"),
    ] {
        assert!(matches!(plain(id, value), Err(RuleError::BadValue { .. })), "{id} = {value}");
    }
}

#[test]
fn a_value_may_stand_beside_a_grace_period() {
    let rule = Rule::read("tpm_required", &nodes(&[("Value", "true"), ("GracePeriod", "3600")])).unwrap();
    assert_eq!(rule, Rule { demand: Demand::Tpm(true), grace_seconds: 3600 });
    assert_eq!(plain("tpm_required", "1").unwrap().grace_seconds, 0);
    let read = |list: &[(&str, &str)]| why(Rule::read("tpm_required", &nodes(list)));
    assert!(read(&[]).contains("no value"));
    assert!(read(&[("", "1"), ("Value", "1")]).contains("value of its own"));
    assert!(read(&[("", "1"), ("Grace", "1")]).contains("Grace"));
    assert!(read(&[("Value", "1"), ("GracePeriod", "a day")]).contains("GracePeriod"));
    assert!(read(&[("Value", "1"), ("GracePeriod", "4000000000")]).contains("GracePeriod"));
}

#[test]
fn an_open_bound_is_written_in_three_ways() {
    let text = r#"[{"type":"ubuntu","minimumversion":"22.04","maximumversion":""},
        {"$type":"RHEL","minimumversion":null,"maximumversion":"9"},{"type":"arch"}]"#;
    let Demand::Distribution(allowed) = plain("linux_distribution_alloweddistros", text).unwrap().demand else {
        panic!("it is about distributions")
    };
    let words: Vec<String> = allowed.iter().map(ToString::to_string).collect();
    assert_eq!(words, ["ubuntu 22.04 or later", "rhel up to 9", "arch"]);
    assert!(plain("linux_distribution_alloweddistros_desktops", r#"[{"type":"debian"}]"#).is_ok());
}

#[test]
fn a_list_of_distributions_is_strict_where_a_guess_would_be_wrong() {
    for (text, word) in [
        ("{}", "not a list"),
        ("[]", "0 distributions"),
        ("[1]", "not an object"),
        (r#"[{"minimumversion":"1"}]"#, "does not say the type"),
        (r#"[{"type":"u","minimumversion":22.1}]"#, "quotation marks"),
        (r#"[{"type":"u","maximumversion":"22.x"}]"#, "maximumversion of u"),
        (r#"[{"type":"a b"}]"#, "os-release"),
        (r#"[{"type":"u","minversion":"1"}]"#, "minversion"),
        ("[[[[[1]]]]]", "deep"),
    ] {
        let said = why(plain("linux_distribution_alloweddistros", text));
        assert!(said.contains(word), "{text}: {said}");
    }
    assert!(why(plain("linux_distribution_alloweddistros", &" ".repeat(20_000))).contains("larger"));
}

#[test]
fn custom_rules_are_read_in_intunes_schema() {
    let rules = r#"{"Rules":[{"SettingName":"Agent","Operator":"GreaterEquals","DataType":"Version","Operand":"1.10",
        "MoreInfoUrl":"https://example.com","RemediationStrings":[
        {"Language":"de_DE","Title":"Alt","Description":"Neu"},{"Language":"en_US","Title":"Old","Description":"New"}]}]}"#;
    let Demand::Custom(rule) = custom(rules).unwrap().demand else { panic!("it is a custom rule") };
    let setting = &rule.settings[0];
    assert_eq!((setting.title.as_deref(), setting.description.as_deref()), (Some("Old"), Some("New")));
    assert_eq!(setting.operator, Operator::GreaterOrEqual);
    let compare = |found: &str| setting.operand.compare(&ScriptValue::Text(found.to_owned()), setting.operator);
    assert_eq!(compare("1.9"), Comparison::Fails);
    assert_eq!(compare("1.10.1"), Comparison::Holds);
    assert_eq!(compare("new"), Comparison::OtherType);
}

#[test]
fn every_type_of_data_compares_as_itself() {
    let holds = |kind: &str, operator: &str, operand: &str, found: ScriptValue| {
        let text = format!(r#"{{"SettingName":"a","Operator":"{operator}","DataType":"{kind}","Operand":{operand}}}"#);
        let Demand::Custom(rule) = one(&text).unwrap().demand else { panic!("it is a custom rule") };
        rule.settings[0].operand.compare(&found, rule.settings[0].operator)
    };
    let text = |text: &str| ScriptValue::Text(text.to_owned());
    assert_eq!(holds("Boolean", "IsEquals", "true", ScriptValue::Boolean(true)), Comparison::Holds);
    assert_eq!(holds("Boolean", "IsEquals", "\"True\"", text("false")), Comparison::Fails);
    assert_eq!(holds("Boolean", "IsEquals", "true", ScriptValue::Integer(1)), Comparison::OtherType);
    assert_eq!(holds("Int64", "GreaterThan", "9", text("10")), Comparison::Holds, "10 is more than 9, not less");
    assert_eq!(holds("Int64", "LessEquals", "\"9\"", ScriptValue::Integer(10)), Comparison::Fails);
    assert_eq!(holds("Int64", "LessEquals", "9", ScriptValue::Decimal(1.5)), Comparison::OtherType);
    assert_eq!(holds("Double", "LessThan", "1.5", ScriptValue::Integer(1)), Comparison::Holds);
    assert_eq!(holds("Double", "LessThan", "1.5", text("NaN")), Comparison::OtherType);
    assert_eq!(holds("String", "NotEquals", "\"A\"", text("a")), Comparison::Holds);
    let moment = "\"2024-05-01T00:00:00Z\"";
    assert_eq!(holds("DateTime", "GreaterEquals", moment, text("2024-05-01T01:00:00+01:00")), Comparison::Holds);
    assert_eq!(holds("DateTime", "GreaterEquals", moment, text("2024-04-30")), Comparison::Fails);
    assert_eq!(holds("DateTime", "GreaterEquals", moment, text("2024-05-01 10:00:00")), Comparison::Holds);
    assert_eq!(holds("DateTime", "GreaterEquals", moment, text("May")), Comparison::OtherType);
}

#[test]
fn custom_rules_that_cannot_be_used_say_why() {
    let rule = |operator: &str, kind: &str, operand: &str| {
        why(one(&format!(r#"{{"SettingName":"a","Operator":"{operator}","DataType":"{kind}","Operand":{operand}}}"#)))
    };
    assert!(rule("Like", "String", "\"a\"").contains("no such Operator"));
    assert!(rule("IsEquals", "Xml", "\"a\"").contains("no such DataType"));
    assert!(rule("LessThan", "Boolean", "true").contains("only be compared by"));
    assert!(rule("IsEquals", "Int64", "\"one\"").contains("no Int64"));
    assert!(rule("IsEquals", "Version", "22.1").contains("no Version"));
    assert!(rule("IsEquals", "String", "[]").contains("no String"));
    assert!(why(custom(r#"{"Rules":[]}"#)).contains("0 rules"));
    assert!(why(custom("[]")).contains("list Rules"));
    assert!(why(custom(&"[".repeat(65_536))).contains("deep"));
    let read = |id: &str, script: &str| why(Rule::read(id, &nodes(&[("Script", script), ("Rules", "{}")])));
    assert!(read("linux_customcompliance_a", &"x".repeat(65_537)).contains("larger"));
    assert!(read("linux_customcompliance_a", " ").contains("empty"));
    assert!(read("linux_customcompliance_../a", "x").contains("name"));
    assert!(read("linux_customcompliance_", "x").contains("name"));
}
