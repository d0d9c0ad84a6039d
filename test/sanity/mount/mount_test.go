package mount_test

import (
	"testing"

	"underlay/test/sanity"
)

func TestSanity(t *testing.T) { sanity.Run(t, "mount") }
