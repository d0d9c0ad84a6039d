package simulator

import (
	"net/http"
	"strings"
)

// metadataRoot begins the address of what Nova's metadata service tells a server.
// The real one knows the server by the address that asks; here its id or name is
// part of the path, since every server of a simulated cloud asks from one machine.
const metadataRoot = "metadata/"

// MetadataURL is where a server's meta_data.json is, by its id or name. root is
// the URL at which the cloud is served.
func MetadataURL(root, server string) string {
	return strings.TrimSuffix(root, "/") + pageRoot + metadataRoot + server + "/meta_data.json"
}

// metadata answers name, which is SERVER/meta_data.json
// (https://docs.openstack.org/nova/latest/user/metadata.html).
func (c *Cloud) metadata(name string) outcome {
	wanted, isMetadata := strings.CutSuffix(name, "/meta_data.json")
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.nova.servers {
		if isMetadata && (s.ID == wanted || s.Name == wanted) {
			return marshalled(response{Status: http.StatusOK, Header: pageHeader(), Body: map[string]any{
				"uuid": s.ID, "name": s.Name, "hostname": s.Hostname, "availability_zone": s.Zone,
				"project_id": s.ProjectID, "meta": s.Metadata, "launch_index": 0,
			}})
		}
	}
	return pageAnswer(http.StatusNotFound, "text/plain; charset=utf-8", []byte("no such server\n"))
}
