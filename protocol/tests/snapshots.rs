//! Every message as it stands on the wire, whole. What must not change is asserted once more in `wire_form.rs`.

mod common;

macro_rules! snapshots {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                let name = stringify!($name);
                let documents = common::documents();
                let (_, text) = documents.iter().find(|(known, _)| *known == name).unwrap();
                insta::assert_snapshot!(name, text);
            }
        )*

        #[test]
        fn every_document_has_a_snapshot() {
            let names: Vec<_> = common::documents().into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

snapshots! {
    discover,
    discover_response,
    get_policies,
    policies_response,
    request_security_token,
    request_security_token_with_token,
    renew_security_token,
    security_token_response,
    fault,
    fault_with_detail,
    provisioning_document,
    syncml_package_1,
    syncml_challenge,
    syncml_with_credentials,
    syncml_commands,
    syncml_answers,
}
