//! Parameters of the kernel, in a network namespace of the test's own.

use mdm_protocol::syncml::StatusCode;

use crate::alone::alone;
use crate::programs::ask;
use crate::samples::setting;

const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";

#[test]
#[ignore = "needs procps, root and unshare"]
fn a_parameter_is_set_at_once_and_one_that_is_none_is_refused() {
    alone(a_parameter_is_set_at_once_and_one_that_is_none_is_refused, |machine| {
        let value = || std::fs::read_to_string(FORWARDING).unwrap().trim().to_owned();
        assert_eq!(value(), "0");
        machine.put_in_force(&[setting("Sysctl/net.ipv4.ip_forward", "1")]);
        assert_eq!(value(), "1");
        assert_eq!(ask("sysctl", &["--values", "net.ipv4.ip_forward"]).trim(), "1");
        for broken in
            [setting("Sysctl/net.ipv4.no_such_parameter", "1"), setting("Sysctl/net.ipv4.conf.lo.rp_filter", "many")]
        {
            let outcome = machine.try_to_put_in_force(std::slice::from_ref(&broken));
            let refusal = outcome.failed.get(&broken.root.to_string());
            assert_eq!(refusal.map(|refusal| refusal.status), Some(StatusCode::FAILED), "{outcome:?}");
            assert_eq!(value(), "1");
        }
    });
}
