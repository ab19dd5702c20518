//! Who may ask for what.

use super::Request::{CheckIn, Enrol, Read, ReadSecrets, Unenrol};
use super::is_allowed;

#[test]
fn anyone_may_look_and_ask_for_a_check_in_and_only_root_and_the_daemon_may_do_more() {
    for (request, others) in [(Read, true), (CheckIn, true), (ReadSecrets, false), (Enrol, false), (Unenrol, false)] {
        assert_eq!(is_allowed(request, 1000, 998), others, "{request:?} for someone");
        assert_eq!(is_allowed(request, 65_534, 0), others, "{request:?} for nobody while the daemon is root");
        assert!(is_allowed(request, 0, 998), "{request:?} for root");
        assert!(is_allowed(request, 998, 998), "{request:?} for the daemon's own user");
    }
}
