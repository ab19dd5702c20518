#!/bin/busybox sh
# The first process of a virtual machine: makes disks in every way that people do, and has the agent look at each.
export PATH=/sbin:/usr/sbin:/usr/bin:/bin DM_DISABLE_UDEV=1 LVM_SUPPRESS_FD_WARNINGS=1
/bin/busybox --install -s /bin
if [ ! -e /moved ]; then
    # The kernel's first file system is no mount that anybody could see.
    mkdir -p /root
    mount -t tmpfs root /root
    touch /root/moved
    cp -a /bin /sbin /usr /lib /lib64 /init /facts /root/ 2>/dev/null
    exec switch_root /root /init </dev/null
fi
mkdir -p /proc /sys /dev /run /tmp /etc /data
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mkdir -p /run/cryptsetup /run/lvm /etc/lvm
printf 'devices { use_devicesfile = 0 }\nactivation { udev_sync = 0 udev_rules = 0 }\nglobal { use_lvmpolld = 0 }\n' > /etc/lvm/lvm.conf
for module in virtio_pci virtio_blk loop dm-mod dm-crypt raid1 md-mod ext4 btrfs xts ecb cbc essiv aes_generic sha256_generic algif_skcipher; do
    modprobe "$module" 2>/dev/null
done

luks() { # luks DEVICE NAME [TYPE]: the device, encrypted and open
    printf secret | cryptsetup luksFormat --batch-mode --disable-locks --type "${3:-luks2}" \
        --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$1" - &&
        printf secret | cryptsetup open --disable-locks --key-file - "$1" "$2"
}

look() { # look NAME: what the agent sees below /data
    echo "=== $1"
    /facts
}

layout() { # layout NAME DEVICE: a file system on a device
    /sbin/mke2fs -F -q -t ext4 "$2" && mount -t ext4 "$2" /data && look "$1"
    umount /data
}

first=/dev/vda second=/dev/vdb third=/dev/vdc fourth=/dev/vdd

layout plain "$first"

luks "$first" inner
layout luks2 /dev/mapper/inner
cryptsetup close inner

luks "$second" inner luks1
layout luks1 /dev/mapper/inner
cryptsetup close inner

printf secret | cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 256 --hash sha256 --key-file - "$first" inner
layout dm-crypt-plain /dev/mapper/inner
cryptsetup close inner

luks "$third" inner
lvm pvcreate -qq -ff -y /dev/mapper/inner && lvm vgcreate -qq group /dev/mapper/inner && lvm lvcreate -qq -y -Wn -l 100%FREE -n volume group
layout lvm-on-luks /dev/mapper/group-volume
lvm vgremove -qq -ff -y group
cryptsetup close inner

lvm pvcreate -qq -ff -y "$first" "$second" && lvm vgcreate -qq group "$first" "$second" && lvm lvcreate -qq -y -Wn -l 100%FREE -n volume group
luks /dev/mapper/group-volume inner
layout luks-on-lvm /dev/mapper/inner
cryptsetup close inner
layout lvm-plain /dev/mapper/group-volume
lvm vgremove -qq -ff -y group

luks "$first" one && luks "$second" two
mdadm --create /dev/md0 --run --metadata=1.2 --level=1 --raid-devices=2 /dev/mapper/one /dev/mapper/two 2>/dev/null
layout raid-of-two-luks /dev/md0
mdadm --stop /dev/md0 2>/dev/null
mdadm --create /dev/md0 --run --metadata=1.2 --level=1 --raid-devices=2 /dev/mapper/one "$third" 2>/dev/null
layout raid-with-a-plain-half /dev/md0
mdadm --stop /dev/md0 2>/dev/null
cryptsetup close two

mkfs.btrfs -q -f /dev/mapper/one "$fourth" && mount -t btrfs /dev/mapper/one /data && look btrfs-with-a-plain-half
umount /data
mkfs.btrfs -q -f /dev/mapper/one && mount -t btrfs /dev/mapper/one /data && look btrfs-on-luks
umount /data

/sbin/mke2fs -F -q -t ext4 /dev/mapper/one && mount -t ext4 /dev/mapper/one /data
dd if=/dev/zero of=/data/image bs=1M count=32 2>/dev/null
inner=$(losetup -f) && losetup "$inner" /data/image && /sbin/mke2fs -F -q -t ext4 "$inner" && mkdir -p /mnt && mount -t ext4 "$inner" /mnt
look file-on-luks
umount /mnt && losetup -d "$inner"
umount /data
mkswap /dev/mapper/one >/dev/null && swapon /dev/mapper/one && look swap-on-luks
swapoff /dev/mapper/one
mkswap "$third" >/dev/null && swapon "$third" && look swap-plain
echo "=== end"
poweroff -f
