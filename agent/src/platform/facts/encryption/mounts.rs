//! What is mounted where, from mountinfo.

/// The most mounts that are looked at.
const MOST_MOUNTS: usize = 16_384;

/// File systems that keep nothing on a disk.
const VIRTUAL: &[&str] = &[
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fuse.lxcfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nfsd",
    "nsfs",
    "proc",
    "pstore",
    "ramfs",
    "rootfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tmpfs",
    "tracefs",
];
/// File systems that are on another machine.
const NETWORK: &[&str] = &[
    "9p",
    "afs",
    "ceph",
    "cifs",
    "fuse.cephfs",
    "fuse.glusterfs",
    "fuse.rclone",
    "fuse.sshfs",
    "glusterfs",
    "lustre",
    "nfs",
    "nfs4",
    "prl_fs",
    "smb3",
    "smbfs",
    "vboxsf",
    "virtiofs",
    "vmhgfs",
];
/// File systems that nothing is written to.
const IMAGES: &[&str] = &["cramfs", "erofs", "iso9660", "romfs", "squashfs", "udf"];

/// A mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    /// The mount's own number.
    pub(super) id: String,
    /// The device's number, `major:minor`.
    pub(super) device: String,
    pub(super) place: String,
    pub(super) kind: String,
    pub(super) source: String,
    /// The options of the file system, not those of the mount.
    pub(super) options: String,
}

impl Mount {
    fn parse(line: &str) -> Option<Self> {
        let (front, back) = line.split_once(" - ")?;
        let mut front = front.split(' ');
        let (id, _parent, device, _root, place) =
            (front.next()?, front.next()?, front.next()?, front.next()?, front.next()?);
        let mut back = back.split(' ');
        let (kind, source) = (back.next()?, back.next()?);
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let (major, minor) = device.split_once(':')?;
        if !is_number(id) || !is_number(major) || !is_number(minor) || !place.starts_with('/') {
            return None;
        }
        Some(Self {
            id: id.to_owned(),
            device: device.to_owned(),
            place: unescape(place),
            kind: kind.to_owned(),
            source: unescape(source),
            options: back.next().unwrap_or_default().to_owned(),
        })
    }

    pub(super) fn is_virtual(&self) -> bool {
        VIRTUAL.contains(&self.kind.as_str())
    }

    pub(super) fn is_network(&self) -> bool {
        NETWORK.contains(&self.kind.as_str())
    }

    /// Whether it has no device of its own, as far as the kernel says.
    pub(super) fn is_anonymous(&self) -> bool {
        self.device.starts_with("0:")
    }

    /// Why nobody minds if it is not encrypted, by its place and its kind.
    pub(super) fn excuse(&self) -> Option<&'static str> {
        match () {
            () if self.is_network() => Some("it is on another machine"),
            () if self.place == "/" => None,
            () if IMAGES.contains(&self.kind.as_str()) => Some("it is an image that nothing is written to"),
            () if self.kind.starts_with("fuse.") => Some("a program keeps it, not a disk"),
            () => None,
        }
    }

    /// Whether disks that people carry around are mounted there.
    pub(super) fn is_for_removable(&self) -> bool {
        ["/media/", "/run/media/", "/mnt"].iter().any(|place| self.place.starts_with(place))
    }

    /// The values of an option that may be there several times.
    pub(super) fn option(&self, names: &[&str]) -> Vec<String> {
        let pairs = self.options.split(',').filter_map(|option| option.split_once('='));
        pairs.filter(|(name, _)| names.contains(name)).map(|(_, value)| unescape(value)).collect()
    }
}

/// Reads mountinfo. A line that cannot be understood is an error: it might be the one that matters.
pub(super) fn read(text: &str) -> Result<Vec<Mount>, String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    if lines.len() > MOST_MOUNTS {
        return Err(format!("there are more than {MOST_MOUNTS} mounts"));
    }
    let mounts: Option<Vec<Mount>> = lines.into_iter().map(Mount::parse).collect();
    mounts.ok_or_else(|| "mountinfo has a line that cannot be understood".to_owned())
}

/// The mount that holds a path: the innermost, and of several on the same place the last. `hidden` are mounts that do
/// not count: what is below one of them was there before it.
pub(super) fn holding<'a>(mounts: &'a [Mount], path: &str, hidden: impl Fn(&Mount) -> bool) -> Option<&'a Mount> {
    let holds = |mount: &&Mount| {
        let place = mount.place.trim_end_matches('/');
        path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    mounts.iter().filter(holds).filter(|mount| !hidden(mount)).max_by_key(|mount| mount.place.len())
}

/// The kernel writes space, tab, newline and backslash as three octal digits.
pub(super) fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let octal = bytes.get(index + 1..index + 4).filter(|_| bytes[index] == b'\\');
        let octal = octal.and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                plain.push(byte);
                index += 4;
            }
            None => {
                plain.push(bytes[index]);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}
