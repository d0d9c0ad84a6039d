"""Cinder's volumes as sparse files.

A volume or snapshot is a file of its name in one folder. Attaching it means to
name the file: os-brick's "local" connector opens it as it is.

The metadata key "testbed:fail" of a volume names what the storage shall fail at:
create, delete, extend, retype, snapshot or attach.

The interface: cinder/interface/volume_driver.py, VolumeDriverCore.
"""

import os
import subprocess

from cinder import exception
from cinder import interface
from cinder.volume import driver
from oslo_config import cfg

FAIL = "testbed:fail"
CAPACITY_GB = 10000
OPTIONS = [cfg.StrOpt("filesystem_folder", help="Where the files are.")]


@interface.volumedriver
class Files(driver.VolumeDriver):

    VERSION = "1"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.configuration.append_config_values(OPTIONS)
        self.folder = self.configuration.filesystem_folder

    def do_setup(self, context):
        os.makedirs(self.folder, exist_ok=True)

    def check_for_setup_error(self):
        """The folder is there: nothing else can be wrong."""

    def _path(self, what):
        return os.path.join(self.folder, what.name)

    def _may(self, verb, volume):
        if volume.metadata.get(FAIL) == verb:
            raise exception.VolumeBackendAPIException(data="told to fail at " + verb)

    def _resize(self, volume, size):
        with open(self._path(volume), "ab") as file:
            file.truncate(size << 30)

    def _copy(self, source, target):
        subprocess.run(["cp", "--sparse=always", self._path(source), self._path(target)], check=True)

    def _remove(self, what):
        try:
            os.unlink(self._path(what))
        except FileNotFoundError:
            pass  # its creation had failed

    def create_volume(self, volume):
        self._may("create", volume)
        self._resize(volume, volume.size)

    def create_volume_from_snapshot(self, volume, snapshot):
        self._may("create", volume)
        self._copy(snapshot, volume)
        self._resize(volume, volume.size)

    def create_cloned_volume(self, volume, src_vref):
        self._may("create", volume)
        self._copy(src_vref, volume)
        self._resize(volume, volume.size)

    def copy_image_to_volume(self, context, volume, image_service, image_id, disable_sparse=False):
        with open(self._path(volume), "r+b") as file:
            image_service.download(context, image_id, file)
        self._resize(volume, volume.size)

    def delete_volume(self, volume):
        self._may("delete", volume)
        self._remove(volume)

    def extend_volume(self, volume, new_size):
        self._may("extend", volume)
        self._resize(volume, new_size)

    def retype(self, context, volume, new_type, diff, host):
        self._may("retype", volume)
        return True, None

    def create_snapshot(self, snapshot):
        self._may("snapshot", snapshot.volume)
        self._copy(snapshot.volume, snapshot)

    def delete_snapshot(self, snapshot):
        self._remove(snapshot)

    def revert_to_snapshot(self, context, volume, snapshot):
        self._copy(snapshot, volume)
        self._resize(volume, volume.size)

    def initialize_connection(self, volume, connector, **kwargs):
        self._may("attach", volume)
        return {"driver_volume_type": "local", "data": {"device_path": self._path(volume), "volume_id": volume.id}}

    def terminate_connection(self, volume, connector, **kwargs):
        """A file knows of nobody who has it open."""

    def ensure_export(self, context, volume):
        """A file is there for everybody."""

    def create_export(self, context, volume, connector):
        """A file is there for everybody."""

    def remove_export(self, context, volume):
        """A file is there for everybody."""

    def get_volume_stats(self, refresh=False):
        return {
            "volume_backend_name": self.configuration.safe_get("volume_backend_name"),
            "vendor_name": "Underlay", "driver_version": self.VERSION, "storage_protocol": "local",
            "total_capacity_gb": CAPACITY_GB, "free_capacity_gb": CAPACITY_GB, "provisioned_capacity_gb": 0,
            "thin_provisioning_support": True, "max_over_subscription_ratio": 20.0, "reserved_percentage": 0,
            "multiattach": True, "online_extend_support": True, "consistent_group_snapshot_enabled": True,
        }
