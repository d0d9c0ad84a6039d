"""Port binding without agents.

In production an L2 agent or OVN reports that it can wire a port on a host, and
ML2 binds the port only then. Here is no host to wire: whatever is asked for is
bound, on the network's first segment, and is ACTIVE at once. Neutron's checks,
address pairs, port security and notifications to Nova are not touched by this.

The interface: neutron_lib/plugins/ml2/api.py, MechanismDriver.bind_port.
"""

from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api

# What Nova is told of how the port filters: the network does it.
DETAILS = {portbindings.CAP_PORT_FILTER: True}


class BindAll(api.MechanismDriver):

    def initialize(self):
        """There is nothing to set up."""

    @property
    def connectivity(self):
        return portbindings.CONNECTIVITY_L2

    def bind_port(self, context):
        for segment in context.segments_to_bind[:1]:
            context.set_binding(segment[api.ID], portbindings.VIF_TYPE_OVS, DETAILS,
                                status=constants.PORT_STATUS_ACTIVE)
