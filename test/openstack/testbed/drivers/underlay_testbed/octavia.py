"""Octavia's amphorae without Nova.

Octavia's own noop driver pretends to boot amphorae. But it also pretends to
attach ports, and the stock network driver reads in Neutron which amphora a port
belongs to. So attaching and detaching are done here as Nova would do them,
by the port's device_id; all the rest stays pretence.

The interface: octavia/compute/compute_base.py, ComputeBase.
"""

import collections

from octavia.common import clients
from octavia.common import constants
from octavia.compute.drivers.noop_driver import driver as noop

# What Nova's answer to an attachment has, and the network driver reads.
Attachment = collections.namedtuple("Attachment", "net_id port_id fixed_ips")


class Ports(noop.NoopComputeDriver):

    def attach_network_or_port(self, compute_id, network_id=None, ip_address=None, port_id=None):
        neutron = clients.NeutronAuth.get_neutron_client()
        owner = {"device_id": compute_id}
        if port_id is None:
            port = neutron.create_port(network_id=network_id, device_owner=constants.OCTAVIA_OWNER, **owner)
        else:
            port = neutron.update_port(port_id, **owner)
        return Attachment(port.network_id, port.id, list(port.fixed_ips))

    def detach_port(self, compute_id, port_id):
        clients.NeutronAuth.get_neutron_client().update_port(port_id, device_id="")
