//! DMClient: the device's account with its server. Here, its check-in schedule (`DMClient/Provider/<id>/Poll`).

/// One set of the schedule: `count` check-ins, `interval_minutes` apart. A set with interval 0 is off; one with an
/// interval and count 0 goes on for ever, and the sets after it never come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PollSet {
    /// Minutes between check-ins.
    pub interval_minutes: u32,
    /// The number of check-ins.
    pub count: u32,
}

/// The check-in schedule. The sets run one after another from enrolment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poll {
    /// The sets in the order in which they run.
    pub sets: [PollSet; 3],
    /// Whether any sign-in at the machine starts a session.
    pub on_login: bool,
    /// Whether the first sign-in of each user starts a session.
    pub all_users_on_first_login: bool,
}

impl Poll {
    /// What is meant by nodes that are not set.
    pub const UNSET: Self = Self {
        sets: [
            PollSet { interval_minutes: 15, count: 10 },
            PollSet { interval_minutes: 0, count: 0 },
            PollSet { interval_minutes: 0, count: 0 },
        ],
        on_login: false,
        all_users_on_first_login: false,
    };

    /// The schedule of Intune for a newly enrolled device: 5 times every 3 minutes, 8 times every 15 minutes, then
    /// every 8 hours.
    pub const DEFAULT: Self = Self {
        sets: [
            PollSet { interval_minutes: 3, count: 5 },
            PollSet { interval_minutes: 15, count: 8 },
            PollSet { interval_minutes: 480, count: 0 },
        ],
        on_login: false,
        all_users_on_first_login: false,
    };

    /// Node names, for each set its interval and its count.
    pub const SET_NODES: [(&str, &str); 3] = [
        ("IntervalForFirstSetOfRetries", "NumberOfFirstRetries"),
        ("IntervalForSecondSetOfRetries", "NumberOfSecondRetries"),
        ("IntervalForRemainingScheduledRetries", "NumberOfRemainingScheduledRetries"),
    ];

    /// Reads nodes by name; what is not named keeps its default, what is not a number counts as not named.
    pub fn from_nodes<'a>(nodes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut poll = Self::UNSET;
        for (name, value) in nodes {
            for (set, (interval, count)) in poll.sets.iter_mut().zip(Self::SET_NODES) {
                let slot = match name {
                    _ if name.eq_ignore_ascii_case(interval) => &mut set.interval_minutes,
                    _ if name.eq_ignore_ascii_case(count) => &mut set.count,
                    _ => continue,
                };
                *slot = value.trim().parse().unwrap_or(*slot);
            }
            let flag = match name {
                _ if name.eq_ignore_ascii_case("PollOnLogin") => &mut poll.on_login,
                _ if name.eq_ignore_ascii_case("AllUsersPollOnFirstLogin") => &mut poll.all_users_on_first_login,
                _ => continue,
            };
            *flag = super::boolean(value).unwrap_or(*flag);
        }
        poll
    }

    /// All nodes, by name and value.
    pub fn to_nodes(self) -> Vec<(&'static str, String)> {
        let sets = self.sets.into_iter().zip(Self::SET_NODES).flat_map(|(set, (interval, count))| {
            [(interval, set.interval_minutes.to_string()), (count, set.count.to_string())]
        });
        let flags = [
            ("PollOnLogin", self.on_login.to_string()),
            ("AllUsersPollOnFirstLogin", self.all_users_on_first_login.to_string()),
        ];
        sets.chain(flags).collect()
    }
}
