//! What only ZFS's own tools can say.

use super::super::tool;

/// Whoever knows about ZFS.
pub(crate) trait Zfs {
    /// The property `encryption` of a data set.
    fn encryption(&self, dataset: &str) -> Result<String, String>;
    /// The devices of a pool, by their names below /dev.
    fn devices(&self, pool: &str) -> Result<Vec<String>, String>;
}

/// Nobody: for a root that is not this machine's own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoZfs;

impl Zfs for NoZfs {
    fn encryption(&self, _dataset: &str) -> Result<String, String> {
        Err("only `zfs get encryption` can tell".to_owned())
    }

    fn devices(&self, _pool: &str) -> Result<Vec<String>, String> {
        Err("only `zpool list` can tell".to_owned())
    }
}

/// The machine's own tools.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ZfsTools;

impl Zfs for ZfsTools {
    fn encryption(&self, dataset: &str) -> Result<String, String> {
        let answer = tool::ask("zfs", &["get", "-H", "-o", "value", "encryption", dataset])?;
        Ok(answer.trim().to_owned())
    }

    fn devices(&self, pool: &str) -> Result<Vec<String>, String> {
        let answer = tool::ask("zpool", &["list", "-v", "-H", "-P", "-L", pool])?;
        Ok(vdevs(&answer))
    }
}

/// The lines that name a device, among those that name the pool and its groups.
fn vdevs(answer: &str) -> Vec<String> {
    let first = answer.lines().filter_map(|line| line.split_whitespace().next());
    first.filter(|name| name.starts_with("/dev/")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_told_from_pools_and_groups() {
        let answer = "rpool\t460G\t12G\n\tmirror-0\t460G\n\t/dev/sda3\t-\n\t/dev/dm-0\t-\n";
        assert_eq!(vdevs(answer), ["/dev/sda3", "/dev/dm-0"]);
    }
}
