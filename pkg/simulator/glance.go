package simulator

type glance struct{ cloud *Cloud }

func newGlance(c *Cloud) *glance { return &glance{cloud: c} }

func (g *glance) service() *service {
	return &service{
		kind: "image", name: "glance", prefix: "/image", routes: compile(routeTable{}), fault: neutronFault,
	}
}
