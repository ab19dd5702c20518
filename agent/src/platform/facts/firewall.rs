//! Whether a firewall is at work, by what the service manager says of the services that are one.

use super::source::Source;
use super::system::assigned;
use crate::engine::compliance::Fact;
use crate::engine::compliance::facts::Firewall;

/// Services that are a firewall once they run. For ufw and nftables there is more to ask.
const SERVICES: &[&str] = &["firewalld", "ufw", "nftables", "iptables", "netfilter-persistent", "shorewall"];

/// Whether a firewall is at work.
pub(super) fn state(source: &Source) -> Fact<Firewall> {
    let Some(manager) = Manager::of(source) else {
        return Fact::unknown("there is no service manager here that says which services run (systemd or OpenRC)");
    };
    let mut present = String::new();
    for service in SERVICES {
        if !manager.runs(source, service) {
            if present.is_empty() && is_installed(source, service) {
                (*service).clone_into(&mut present);
            }
            continue;
        }
        match refuses(source, service) {
            Refuses::Something(evidence) => {
                let evidence = format!("{}, {evidence}", manager.evidence(service));
                return Fact::known(Firewall { active: true, tool: (*service).to_owned() }, evidence);
            }
            Refuses::Nothing => (*service).clone_into(&mut present),
            Refuses::Unclear(reason) => return Fact::unknown(reason),
        }
    }
    let evidence = format!("none of {} runs ({})", SERVICES.join(", "), manager.place());
    Fact::known(Firewall { active: false, tool: present }, evidence)
}

#[derive(Debug, Clone, Copy)]
enum Manager {
    Systemd,
    OpenRc,
}

impl Manager {
    fn of(source: &Source) -> Option<Self> {
        match () {
            () if source.has("/run/systemd/units") => Some(Self::Systemd),
            () if source.has("/run/openrc/started") => Some(Self::OpenRc),
            () => None,
        }
    }

    fn place(self) -> &'static str {
        match self {
            Self::Systemd => "/run/systemd/units",
            Self::OpenRc => "/run/openrc/started",
        }
    }

    /// What shows that a service runs. systemd keeps a link for every unit that is active.
    fn evidence(self, service: &str) -> String {
        match self {
            Self::Systemd => format!("/run/systemd/units/invocation:{service}.service"),
            Self::OpenRc => format!("/run/openrc/started/{service}"),
        }
    }

    fn runs(self, source: &Source, service: &str) -> bool {
        source.has_name(&self.evidence(service))
    }
}

fn is_installed(source: &Source, service: &str) -> bool {
    let unit = format!("{service}.service");
    let places = ["/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system"];
    places.iter().any(|place| source.has_name(&format!("{place}/{unit}")))
        || source.has_name(&format!("/etc/init.d/{service}"))
}

enum Refuses {
    Something(String),
    Nothing,
    Unclear(String),
}

/// Whether a service that runs keeps anything out.
fn refuses(source: &Source, service: &str) -> Refuses {
    match service {
        "ufw" => {
            let path = "/etc/ufw/ufw.conf";
            let text = source.text(path).unwrap_or_default();
            match assigned(&text, "ENABLED") {
                Some(enabled) if enabled.eq_ignore_ascii_case("yes") => ufw(source, path),
                _ => Refuses::Nothing,
            }
        }
        "nftables" => nftables(source),
        "firewalld" => firewalld(source),
        "iptables" | "netfilter-persistent" => iptables(source),
        _ => Refuses::Something("the service runs".to_owned()),
    }
}

/// What ufw has no rule for is let in or not by its default.
fn ufw(source: &Source, enabled_by: &str) -> Refuses {
    let text = source.text("/etc/default/ufw").unwrap_or_default();
    match assigned(&text, "DEFAULT_INPUT_POLICY") {
        Some(policy) if policy.eq_ignore_ascii_case("ACCEPT") => Refuses::Nothing,
        _ => Refuses::Something(enabled_by.to_owned()),
    }
}

/// One zone of firewalld lets everything in.
fn firewalld(source: &Source) -> Refuses {
    let path = "/etc/firewalld/firewalld.conf";
    match assigned(&source.text(path).unwrap_or_default(), "DefaultZone") {
        Some(zone) if zone == "trusted" => Refuses::Nothing,
        _ => Refuses::Something("the service runs".to_owned()),
    }
}

/// These services load rules that were saved, and there may be none.
fn iptables(source: &Source) -> Refuses {
    let places = ["/etc/iptables/rules.v4", "/etc/sysconfig/iptables", "/etc/iptables/iptables.rules"];
    let Some((path, text)) = places.iter().find_map(|path| Some((*path, source.text(path)?))) else {
        return Refuses::Unclear("iptables runs, but its rules cannot be read".to_owned());
    };
    let refuses = |line: &str| {
        let is_policy = line.starts_with(":INPUT DROP");
        is_policy || (line.starts_with("-A ") && (line.contains("-j DROP") || line.contains("-j REJECT")))
    };
    if text.lines().any(|line| refuses(line.trim())) { Refuses::Something(path.to_owned()) } else { Refuses::Nothing }
}

/// The configuration that distributions ship accepts everything. It is a firewall once it refuses something.
fn nftables(source: &Source) -> Refuses {
    let places = ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf", "/etc/nftables.nft"];
    let Some((path, text)) = places.iter().find_map(|path| Some((*path, source.text(path)?))) else {
        return Refuses::Unclear("nftables runs, but its rules cannot be read".to_owned());
    };
    let lines: Vec<&str> = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).collect();
    // A chain may have such a name, too.
    let refuses = |part: &str| {
        let words: Vec<&str> = part.split_whitespace().filter(|word| *word != "counter").collect();
        if words.first().is_some_and(|first| ["chain", "table", "set", "map"].contains(first)) {
            return false;
        }
        words.last().is_some_and(|last| ["drop", "reject"].contains(last))
            || words.windows(2).any(|pair| pair == ["reject", "with"])
    };
    match () {
        () if lines.iter().flat_map(|line| line.split([';', '{', '}'])).any(refuses) => {
            Refuses::Something(path.to_owned())
        }
        () if lines.iter().any(|line| line.starts_with("include")) => {
            Refuses::Unclear(format!("the rules that {path} includes are not looked at"))
        }
        () => Refuses::Nothing,
    }
}
