package simulator

// volumeDevices makes real block devices of volumes; nil does nothing.
type volumeDevices struct{}

func (d *volumeDevices) create(*cinderVolume) error  { return nil }
func (d *volumeDevices) remove(string)               {}
func (d *volumeDevices) grow(string, int) error      { return nil }
func (d *volumeDevices) attach(string, int) error    { return nil }
func (d *volumeDevices) detach(string)               {}
func (d *volumeDevices) copyTo(string, string) error { return nil }
