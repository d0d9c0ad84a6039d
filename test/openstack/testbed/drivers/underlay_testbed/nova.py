"""Nova's fake hypervisor, whose volumes are devices of this machine.

Nova's own fake driver notes what is attached and does nothing. Here a volume of
Cinder's "local" kind also becomes a loop device. A server finds its own in a folder
of its own, as a guest of KVM would find virtio disks:

    DEVICES/<server>/by-id/virtio-<first 20 of the volume's id>   a link to /dev/loopN
    DEVICES/<server>/sys/block/loopN/serial                       these 20

The interface: nova/virt/driver.py, ComputeDriver.
"""

import fcntl
import os
import shutil

from nova.virt import fake
from oslo_concurrency import processutils

DEVICES = "/srv/underlay/devices"
SERIAL_LENGTH = 20  # that of virtio-blk
LOOP_MAJOR, CONTROL = 7, (10, 237)
LOOP_CTL_GET_FREE = 0x4C82
TRIES = 10


def node(path, kind, number):
    """Makes a device node, which a folder that is seen as / has none of."""
    if not os.path.exists(path):
        os.mknod(path, kind | 0o600, os.makedev(*number))


def loop(file):
    """Gives the path of a new loop device of a file."""
    node("/dev/loop-control", 0o020000, CONTROL)
    for last in reversed(range(TRIES)):
        with open("/dev/loop-control") as control:
            number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
        path = "/dev/loop%d" % number
        node(path, 0o060000, (LOOP_MAJOR, number))
        try:
            processutils.execute("losetup", path, file)
            return path
        except processutils.ProcessExecutionError:
            if not last:  # all those before: another process was faster
                raise


class LoopDevices(fake.FakeDriver):

    @staticmethod
    def _folder(instance):
        return os.path.join(DEVICES, instance.uuid)

    def _link(self, connection_info, instance):
        volume = connection_info.get("serial") or connection_info["data"]["volume_id"]
        return os.path.join(self._folder(instance), "by-id", "virtio-" + volume[:SERIAL_LENGTH])

    def _release(self, instance, link):
        if not os.path.islink(link):
            return
        device = os.readlink(link)
        os.unlink(link)
        shutil.rmtree(os.path.join(self._folder(instance), "sys", "block", os.path.basename(device)), ignore_errors=True)
        processutils.execute("losetup", "-d", device)

    def attach_volume(self, context, connection_info, instance, mountpoint, *args, **kwargs):
        super().attach_volume(context, connection_info, instance, mountpoint, *args, **kwargs)
        link = self._link(connection_info, instance)
        device = loop(connection_info["data"]["device_path"])
        block = os.path.join(self._folder(instance), "sys", "block", os.path.basename(device))
        os.makedirs(block)
        with open(os.path.join(block, "serial"), "w") as serial:
            serial.write(os.path.basename(link).removeprefix("virtio-"))
        os.makedirs(os.path.dirname(link), exist_ok=True)
        os.symlink(device, link)

    def detach_volume(self, context, connection_info, instance, mountpoint, *args, **kwargs):
        super().detach_volume(context, connection_info, instance, mountpoint, *args, **kwargs)
        self._release(instance, self._link(connection_info, instance))

    def extend_volume(self, context, connection_info, instance, requested_size):
        processutils.execute("losetup", "-c", os.readlink(self._link(connection_info, instance)))

    def destroy(self, context, instance, *args, **kwargs):
        super().destroy(context, instance, *args, **kwargs)
        links = os.path.join(self._folder(instance), "by-id")
        for name in os.listdir(links) if os.path.isdir(links) else []:
            self._release(instance, os.path.join(links, name))
        shutil.rmtree(self._folder(instance), ignore_errors=True)
