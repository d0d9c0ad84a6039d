package ccm

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/cloud-provider/app"
	"k8s.io/cloud-provider/fake"
	controllermanager "k8s.io/controller-manager/app"
)

func TestControllersAreTheFrameworksAndOurs(t *testing.T) {
	want := []string{
		"cloud-node-controller", "cloud-node-lifecycle-controller", "node-route-controller", "service-lb-controller", "volumeattachment-cleaner-controller",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(controllers()))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(app.DefaultInitFuncConstructors) != len(want)-1 {
		t.Error("the framework's own list is changed")
	}
}

func TestOurControllerNeedsOurProvider(t *testing.T) {
	start := attachmentsConstructor(app.ControllerInitContext{}, completed(t, ""), &fake.Cloud{})
	if _, started, err := start(t.Context(), controllermanager.ControllerContext{}); err == nil || started {
		t.Errorf("got started %v and error %v, want an error", started, err)
	}
}
