mod device_status;
mod time;
mod verdicts;

use std::collections::BTreeMap;

use super::facts::{Distribution, Encryption, Facts, Volume};
use super::{Fact, Report, Rule, evaluate};

const NOW: i64 = 1_700_000_000;

fn rules(list: &[(&str, &str)]) -> BTreeMap<String, Rule> {
    let read = |(id, value): &(&str, &str)| {
        let nodes = BTreeMap::from([(String::new(), (*value).to_owned())]);
        ((*id).to_owned(), Rule::read(id, &nodes).unwrap())
    };
    list.iter().map(read).collect()
}

fn judged(id: &str, value: &str, facts: &Facts) -> super::Verdict {
    evaluate(&rules(&[(id, value)]), facts, &Report::default(), NOW).verdicts.remove(0)
}

fn ubuntu(version: &str) -> Facts {
    let distribution = Distribution {
        id: "ubuntu".to_owned(),
        like: vec!["debian".to_owned()],
        version: version.to_owned(),
        ..Distribution::default()
    };
    Facts { gathered_at: NOW, distribution: Fact::known(distribution, "/etc/os-release"), ..Facts::default() }
}

fn volume(place: &str, encryption: Encryption, excuse: Option<&str>) -> Volume {
    Volume {
        place: place.to_owned(),
        file_system: "ext4".to_owned(),
        devices: "sda2".to_owned(),
        encryption,
        excuse: excuse.map(str::to_owned),
    }
}

fn plain() -> Encryption {
    Encryption::Plain("sda2 is not encrypted".to_owned())
}

fn unclear() -> Encryption {
    Encryption::CannotTell("a drive of its own kind".to_owned())
}
