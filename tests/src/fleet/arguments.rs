//! The command line: what can be asked of a fleet, and the command that asks for the same again.

use std::path::PathBuf;

use clap::Parser;
use mdm_sim_server::tenant::life::TenantMode;

use super::incident::{self, Incident};
use super::scenario::Scenario;
use super::time::{DAY_MS, HOUR_MS, NEVER};

/// Lives a fleet of devices in virtual time and reports what became of it.
#[derive(Debug, Clone, Parser)]
#[command(name = "fleet")]
pub struct Arguments {
    /// How many devices.
    #[arg(long, default_value_t = 10_000)]
    pub devices: u64,
    /// For how many days.
    #[arg(long, default_value_t = 10)]
    pub days: u32,
    /// What every random choice comes from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How the tenant is set at first: intune, co-management, office365 or coexistence.
    #[arg(long, default_value = "intune", value_parser = mode)]
    pub from: TenantMode,
    /// What it is asked to be set to.
    #[arg(long, default_value = "co-management", value_parser = mode)]
    pub to: TenantMode,
    /// On which day; after the end for never.
    #[arg(long, default_value_t = 3)]
    pub change_day: u64,
    /// On which day it is set back; without it, never.
    #[arg(long)]
    pub change_back_day: Option<u64>,
    /// Over how many hours the devices enrol.
    #[arg(long, default_value_t = 1)]
    pub enrolment_hours: u64,
    /// The share of devices that go offline, sleep or are switched off, again and again.
    #[arg(long, default_value_t = 0.2, value_parser = share)]
    pub offline_share: f64,
    /// The share of devices that are wiped at some moment and never come back.
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub wiped_share: f64,
    /// The share of devices without a user.
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub userless_share: f64,
    /// The share of users with a licence for Intune.
    #[arg(long, default_value_t = 1.0, value_parser = share)]
    pub licensed_share: f64,
    /// The share of sessions whose connection breaks.
    #[arg(long, default_value_t = 0.001, value_parser = share)]
    pub broken_share: f64,
    /// The share of departures before which somebody sets the wall clock wrong by up to ten years.
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub clock_jump_share: f64,
    /// The share of devices to which something happens every day and a half on average: the agent is killed, the disk or the
    /// tenant's record is put back from a backup, the user loses the licence.
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub incident_share: f64,
    /// What may happen to them; without it, everything: kill, back-up, restore, lose-store, recover, license, user, block,
    /// renew, back-up-tenant, restore-tenant.
    #[arg(long, value_delimiter = ',', value_name = "KIND,...", value_parser = incident::parse)]
    pub incidents: Vec<Incident>,
    /// Lose every ring of the change.
    #[arg(long)]
    pub lose_rings: bool,
    /// The spread window of the ring, in seconds.
    #[arg(long, default_value_t = 600)]
    pub spread: u64,
    /// For how many days a certificate is valid.
    #[arg(long, default_value_t = 365)]
    pub certificate_days: u32,
    /// In which hour the server stops answering.
    #[arg(long, default_value_t = 0)]
    pub outage_hour: u64,
    /// For how many hours.
    #[arg(long, default_value_t = 0)]
    pub outage_hours: u64,
    /// Live only part I of N of the devices; the results of all parts merge.
    #[arg(long, value_name = "I/N", default_value = "1/1", value_parser = shard)]
    pub shard: (u64, u64),
    /// On how many threads; the result is the same. 0 for all processors.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// Report in JSON.
    #[arg(long)]
    pub json: bool,
    /// Draw the curves into an SVG file.
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Keep what was counted, to merge it with other shards.
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Report on what shards have saved instead of living anything.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub merge: Vec<PathBuf>,
    /// Live this device alone and tell its life line by line.
    #[arg(long, value_name = "ID")]
    pub device: Option<u64>,
}

impl Arguments {
    /// What the fleet goes through; an error says why the tenant cannot be set so.
    pub fn scenario(&self) -> Result<Scenario, String> {
        let to = self.from.set(self.to).map_err(|refusal| refusal.to_string())?;
        if self.from == TenantMode::Unknown {
            return Err("a tenant without an authority enrols nobody".to_owned());
        }
        let day = |day: u64| day.checked_mul(DAY_MS).unwrap_or(NEVER / 2);
        let change_back = match self.change_back_day {
            Some(back) if back <= self.change_day => return Err("it is set back after it was changed".to_owned()),
            Some(back) => {
                let reached = to.set(self.from).map_err(|refusal| refusal.to_string())?;
                if reached != self.from {
                    return Err(format!("a tenant that is {} cannot be {} again", to.name(), self.from.name()));
                }
                day(back)
            }
            None => NEVER,
        };
        let outage = self.outage_hour * HOUR_MS;
        Ok(Scenario {
            devices: self.devices,
            days: self.days,
            seed: self.seed,
            from: self.from,
            to,
            change: day(self.change_day),
            change_back,
            enrolment_ms: self.enrolment_hours * HOUR_MS,
            offline_share: self.offline_share,
            wiped_share: self.wiped_share,
            userless_share: self.userless_share,
            licensed_share: self.licensed_share,
            broken_share: self.broken_share,
            clock_jump_share: self.clock_jump_share,
            incident_share: self.incident_share,
            incidents: if self.incidents.is_empty() { Incident::ALL.to_vec() } else { self.incidents.clone() },
            lose_rings: self.lose_rings,
            ring_spread: self.spread,
            certificate_days: self.certificate_days,
            outage: outage..outage + self.outage_hours * HOUR_MS,
            shard: self.shard,
        })
    }

    /// The options that make the scenario what it is, without shard: those that differ from the default.
    pub fn scenario_options(&self) -> String {
        let usual = Self::parse_from(["fleet"]);
        let mut options = format!("--devices {} --days {} --seed {}", self.devices, self.days, self.seed);
        let mut add = |name: &str, value: String, usual: String| {
            if value != usual {
                options.push_str(&format!(" --{name} {value}"));
            }
        };
        add("from", mode_option(self.from), mode_option(usual.from));
        add("to", mode_option(self.to), mode_option(usual.to));
        for (name, value, usual) in [
            ("change-day", self.change_day, usual.change_day),
            ("enrolment-hours", self.enrolment_hours, usual.enrolment_hours),
            ("spread", self.spread, usual.spread),
            ("certificate-days", self.certificate_days.into(), usual.certificate_days.into()),
            ("outage-hour", self.outage_hour, usual.outage_hour),
            ("outage-hours", self.outage_hours, usual.outage_hours),
        ] {
            add(name, value.to_string(), usual.to_string());
        }
        for (name, value, usual) in [
            ("offline-share", self.offline_share, usual.offline_share),
            ("wiped-share", self.wiped_share, usual.wiped_share),
            ("userless-share", self.userless_share, usual.userless_share),
            ("licensed-share", self.licensed_share, usual.licensed_share),
            ("broken-share", self.broken_share, usual.broken_share),
            ("clock-jump-share", self.clock_jump_share, usual.clock_jump_share),
            ("incident-share", self.incident_share, usual.incident_share),
        ] {
            add(name, value.to_string(), usual.to_string());
        }
        if let Some(day) = self.change_back_day {
            options.push_str(&format!(" --change-back-day {day}"));
        }
        if !self.incidents.is_empty() {
            let names: Vec<&str> = self.incidents.iter().map(|incident| incident.as_str()).collect();
            options.push_str(&format!(" --incidents {}", names.join(",")));
        }
        if self.lose_rings {
            options.push_str(" --lose-rings");
        }
        options
    }
}

const MODES: [(&str, TenantMode); 4] = [
    ("intune", TenantMode::Intune),
    ("co-management", TenantMode::CoManagement),
    ("office365", TenantMode::Office365),
    ("coexistence", TenantMode::Coexistence),
];

fn mode(text: &str) -> Result<TenantMode, String> {
    let known = MODES.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    known.map(|(_, mode)| mode).ok_or_else(|| "one of intune, co-management, office365, coexistence".to_owned())
}

fn mode_option(mode: TenantMode) -> String {
    MODES.iter().find(|(_, known)| *known == mode).map_or("unknown", |(name, _)| name).to_owned()
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a share from 0 to 1".to_owned())
}

fn shard(text: &str) -> Result<(u64, u64), String> {
    let numbers = text.split_once('/').and_then(|(part, parts)| Some((part.parse().ok()?, parts.parse().ok()?)));
    numbers.filter(|(part, parts)| (1..=*parts).contains(part)).ok_or_else(|| "a part of parts, like 2/4".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &str) -> Arguments {
        Arguments::parse_from(std::iter::once("fleet").chain(options.split_whitespace()))
    }

    #[test]
    fn the_options_of_a_scenario_ask_for_the_same_scenario_again() {
        let unusual = "--devices 7 --days 9 --seed 3 --from office365 --to intune --change-day 4 --enrolment-hours 2 \
                       --spread 5 --certificate-days 30 --outage-hour 50 --outage-hours 6 --offline-share 0.1 \
                       --wiped-share 0.3 --userless-share 0.4 --licensed-share 0.5 --broken-share 0.6 \
                       --clock-jump-share 0.7 --incident-share 0.8 --incidents kill,lose-store --lose-rings";
        for options in ["", unusual, "--change-back-day 5"] {
            let arguments = parse(options);
            let again = parse(&arguments.scenario_options());
            assert_eq!(again.scenario(), arguments.scenario());
            assert!(arguments.scenario().is_ok());
        }
    }

    #[test]
    fn s37_s49_what_a_tenant_can_never_become_is_refused_in_its_own_words() {
        let refused = parse("--from office365 --to co-management").scenario().unwrap_err();
        assert!(refused.contains("cannot be unprovisioned"), "{refused}");
        let coexistence = parse("--from office365 --to intune").scenario().unwrap();
        assert_eq!(coexistence.to, TenantMode::Coexistence, "adding Intune to Office 365 enables coexistence");
        let back = parse("--from office365 --to intune --change-back-day 5").scenario().unwrap_err();
        assert!(back.contains("cannot be unprovisioned") || back.contains("again"), "{back}");
        assert!(parse("--change-day 5 --change-back-day 5").scenario().is_err());
    }
}
