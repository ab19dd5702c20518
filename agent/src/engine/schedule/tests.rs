//! The sets of the schedule.

use mdm_protocol::csp::dm_client::{Poll, PollSet};

use super::interval_minutes;

#[test]
fn sets_run_in_order_and_nought_means_off_or_for_ever() {
    // Interval and count of each set; the minutes that follow from enrolment on.
    type Row = ([(u32, u32); 3], [u32; 7]);
    let table: &[Row] = &[
        ([(3, 2), (15, 3), (480, 0)], [3, 3, 15, 15, 15, 480, 480]),
        ([(1, 0), (15, 3), (480, 0)], [1, 1, 1, 1, 1, 1, 1]),
        ([(0, 5), (15, 3), (480, 0)], [15, 15, 15, 480, 480, 480, 480]),
        ([(0, 0), (15, 0), (480, 1)], [15, 15, 15, 15, 15, 15, 15]),
        ([(3, 2), (0, 9), (480, 2)], [3, 3, 480, 480, 1440, 1440, 1440]),
        ([(3, 2), (15, 0), (480, 0)], [3, 3, 15, 15, 15, 15, 15]),
        ([(3, 1), (15, 1), (480, 1)], [3, 15, 480, 1440, 1440, 1440, 1440]),
        ([(0, 0), (0, 0), (0, 0)], [1440; 7]),
        ([(u32::MAX, 1), (1, u32::MAX), (1, 0)], [u32::MAX, 1, 1, 1, 1, 1, 1]),
    ];
    for (sets, expected) in table {
        let sets = sets.map(|(interval_minutes, count)| PollSet { interval_minutes, count });
        let poll = Poll { sets, ..Poll::UNSET };
        let found: Vec<u32> = (0..7).map(|done| interval_minutes(&poll, done)).collect();
        assert_eq!(found, expected, "{sets:?}");
    }
    assert_eq!(interval_minutes(&Poll::DEFAULT, u32::MAX), 480);
}
