//! Packages drawn at random, always the same from the same seed.

use fastrand::Rng;
use mdm_protocol::syncml::{Format, Verb};

use super::command::{Item, Package, Single, Top};
use super::nodes::{GROUPS, Node, Nodes, SETTINGS};

/// A few groups of nodes, so that commands meet.
#[derive(Debug)]
pub struct Generator {
    random: Rng,
    groups: Vec<&'static Nodes>,
}

impl Generator {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let count = random.usize(1..=3);
        let groups = (0..count).map(|_| &GROUPS[random.usize(..GROUPS.len())]).collect();
        Self { random, groups }
    }

    /// From a seed, without nodes that begin something, or that speak of what a test does not have.
    pub fn of_settings(seed: u64) -> Self {
        let mut generator = Self::new(seed);
        let settings = &GROUPS[..SETTINGS];
        let count = generator.groups.len();
        generator.groups = (0..count).map(|_| &settings[generator.random.usize(..settings.len())]).collect();
        generator
    }

    /// From a seed, with commands to these groups alone.
    pub fn among(seed: u64, among: &'static [Nodes]) -> Self {
        let mut random = Rng::with_seed(seed);
        let count = random.usize(1..=3);
        let groups = (0..count).map(|_| &among[random.usize(..among.len())]).collect();
        Self { random, groups }
    }

    /// A package of at most so many commands.
    pub fn package(&mut self, most: usize) -> Package {
        (0..self.random.usize(1..=most)).map(|_| self.top(0)).collect()
    }

    fn top(&mut self, depth: usize) -> Top {
        match self.random.u32(..20) {
            0..=4 => Top::Atomic((0..self.random.usize(0..=4)).map(|_| self.single(true)).collect()),
            5 if depth < 2 => Top::Sequence((0..self.random.usize(0..=3)).map(|_| self.top(depth + 1)).collect()),
            _ => Top::Single(self.single(false)),
        }
    }

    fn single(&mut self, in_atomic: bool) -> Single {
        let node = self.node();
        let verb = match self.random.u32(..20) {
            _ if node.is_run && self.random.u32(..8) > 0 => Verb::Exec,
            0..=3 if !in_atomic || self.random.u32(..10) == 0 => Verb::Get,
            4..=6 => Verb::Add,
            7..=9 => Verb::Delete,
            10 => Verb::Exec,
            _ => Verb::Replace,
        };
        let count = if self.random.u32(..8) == 0 { self.random.usize(2..=3) } else { 1 };
        let others = (1..count).map(|_| self.node()).collect::<Vec<_>>();
        let items = [node].into_iter().chain(others).map(|node| self.item(node)).collect();
        Single { verb, items }
    }

    fn node(&mut self) -> &'static Node {
        let group = self.groups[self.random.usize(..self.groups.len())];
        &group[self.random.usize(..group.len())]
    }

    fn item(&mut self, node: &Node) -> Item {
        // A good value is the first; the same one again is as interesting as another.
        let good = self.random.bool() || node.values.len() < 2;
        let value = match node.values.len() {
            0 => "",
            _ if good => &node.values[0],
            count => &node.values[self.random.usize(..count)],
        };
        let format = match self.random.u32(..12) {
            0 => Some(Format::Int),
            1 => Some(Format::Node),
            2 => Some(Format::Chr),
            _ => None,
        };
        Item { address: node.address.clone(), value: value.to_owned(), format }
    }
}
