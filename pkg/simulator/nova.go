package simulator

type nova struct{ cloud *Cloud }

func newNova(c *Cloud) *nova { return &nova{cloud: c} }

func (n *nova) service() *service {
	return &service{
		kind: "compute", name: "nova", prefix: "/compute", catalogPath: "/v2.1",
		routes: compile(routeTable{}), fault: neutronFault,
	}
}
