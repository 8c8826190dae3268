#!/bin/sh
# Becomes a host: called in fresh namespaces with the directory of the host, its name, and the file system under it.
# What the host writes is in DIRECTORY/disk, in its /run (memory) and, if there is one, DIRECTORY/opt.
set -eu
directory=$1 name=$2 rootfs=$3
root=$directory/root
mkdir -p "$root" "$directory/disk/upper" "$directory/disk/work"
layers=lowerdir=$directory/base:$rootfs,upperdir=$directory/disk/upper,workdir=$directory/disk/work
mount -t overlay overlay -o "$layers" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
mkdir "$root/run/sshd"
# Devices of its own, so that the socket of its syslog is not that of the machine.
mount -t tmpfs tmpfs "$root/dev"
mkdir "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
for device in null zero full random urandom tty; do
    : > "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
if test -d "$directory/opt"; then mount --bind "$directory/opt" "$root/opt"; fi
hostname "$name"
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" /bin/sh -c '
    busybox syslogd -O /var/log/syslog
    exec /usr/sbin/sshd -D -e -o HostKey=/etc/ssh/host_key -o AuthorizedKeysFile=/etc/ssh/authorized_keys -o UseDNS=no'
