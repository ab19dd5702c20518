//! The watch in a network namespace of its own, where the test may change what it likes.

use std::process::Command;
use std::time::Duration;

use super::*;

const INSIDE: &str = "MDM_TEST_IN_NAMESPACE";

#[test]
#[ignore = "needs root"]
fn a_network_that_comes_up_is_told_once() {
    if std::env::var_os(INSIDE).is_none() {
        let name = "shell::network::tests::a_network_that_comes_up_is_told_once";
        let mut again = Command::new("unshare");
        again.arg("--net").arg(std::env::current_exe().unwrap()).args(["--ignored", "--exact", name]);
        assert!(again.env(INSIDE, "1").status().unwrap().success());
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (sender, mut events) = mpsc::channel(4);
        let watch = watch(sender).unwrap();
        let mut next = async || tokio::time::timeout(Duration::from_secs(4), events.recv()).await.ok().flatten();
        ip("link set lo up");
        assert_eq!(next().await, None, "a loopback address leads nowhere");
        ip("address add 10.9.8.7/24 dev lo scope global");
        ip("address add 10.9.8.8/24 dev lo scope global");
        assert_eq!(next().await, Some(NetworkEvent::Up));
        ip("address change 10.9.8.7/24 dev lo scope global valid_lft 1000 preferred_lft 1000");
        assert_eq!(next().await, None, "a renewed lease is no news");
        ip("route add default dev lo");
        assert_eq!(next().await, Some(NetworkEvent::Up));
        ip("route delete default dev lo");
        assert_eq!(next().await, None);
        drop(watch);
        assert_eq!(events.recv().await, None, "it has ended");
    });
}

fn ip(arguments: &str) {
    assert!(Command::new("ip").args(arguments.split(' ')).status().unwrap().success(), "{arguments}");
}
