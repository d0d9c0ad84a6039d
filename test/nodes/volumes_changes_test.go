package nodes

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"underlay/test/nodes/lab"
)

// attributesChange makes a volume with one VolumeAttributesClass, gives it another one
// while a pod uses it, and one that the driver refuses.
func attributesChange(w *world) {
	for name, parameters := range map[string]string{
		"silver": "{metadata/tier: silver}", "gold": "{type: " + lab.VolumeType + ", metadata/tier: gold}", "impossible": `{iops: "10"}`,
	} {
		w.apply(fmt.Sprintf(`apiVersion: storage.k8s.io/v1
kind: VolumeAttributesClass
metadata: {name: %s}
driverName: cinder.csi.openstack.org
parameters: %s
`, name, parameters))
	}
	w.claim("attributes", "1", "  volumeAttributesClassName: silver\n")
	user := w.use("attributes", "node-2", ofClaim("attributes"))
	w.writes(user, letter, firstLetter)
	made := w.hasAttributes("silver", "")
	w.changeAttributes("gold")
	w.hasAttributes("gold", lab.VolumeType)
	w.changeAttributes("impossible")
	w.until(volumeTime, func(ctx context.Context) string {
		claim, err := w.Client.CoreV1().PersistentVolumeClaims("default").Get(ctx, "attributes", metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		state := claim.Status.ModifyVolumeStatus
		if state == nil || state.Status != corev1.PersistentVolumeClaimModifyVolumeInfeasible || !strings.Contains(fmt.Sprint(claim.Status.Conditions), "iops") {
			return fmt.Sprintf("the claim does not say that it is refused, and why: %+v", claim.Status)
		}
		return ""
	})
	w.changeAttributes("gold")
	if now := w.hasAttributes("gold", lab.VolumeType); now != made {
		w.t.Errorf("the volume is %s, and was %s", now, made)
	}
	w.reads(user, letter, firstLetter)
	w.log("a volume has another type and other metadata, under a running pod")
}

func (w *world) changeAttributes(class string) {
	w.t.Helper()
	w.kubectl("patch", "pvc", "attributes", "-p", `{"spec": {"volumeAttributesClassName": "`+class+`"}}`)
}

// hasAttributes waits until the claim "attributes" has a class, and its volume the type,
// if one is named, and the metadata; it gives the volume's id.
func (w *world) hasAttributes(class, kind string) (id string) {
	w.t.Helper()
	w.until(volumeTime, func(ctx context.Context) string {
		claim, err := w.Client.CoreV1().PersistentVolumeClaims("default").Get(ctx, "attributes", metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		if current := claim.Status.CurrentVolumeAttributesClassName; current == nil || *current != class || claim.Status.ModifyVolumeStatus != nil {
			return fmt.Sprintf("the claim has not the class %s: %+v", class, claim.Status)
		}
		return ""
	})
	v, err := w.volumeOf(w.t.Context(), "attributes")
	if err != nil || v.Metadata["tier"] != class || kind != "" && v.Type != kind || kind == "" && built.Account == nil && v.Type == lab.VolumeType {
		w.t.Fatalf("the cloud has %+v (%v), want the tier %s and the type %q", v, err, class, kind)
	}
	return v.ID
}

// groupSnapshot takes a snapshot of two volumes in use at one time, and makes two
// volumes of it.
func groupSnapshot(w *world) {
	pair := []string{"left", "right"}
	var users []pod
	for _, name := range pair {
		w.claim(name, "1", "")
		w.kubectl("label", "pvc", name, "group=pair")
		users = append(users, w.use(name, "node-2", ofClaim(name)))
		w.writes(users[len(users)-1], letter, firstLetter+" "+name)
	}
	w.apply(`apiVersion: groupsnapshot.storage.k8s.io/v1
kind: VolumeGroupSnapshotClass
metadata: {name: test}
driver: cinder.csi.openstack.org
deletionPolicy: Delete
parameters: {groupType: ` + lab.GroupType + `}
---
apiVersion: groupsnapshot.storage.k8s.io/v1
kind: VolumeGroupSnapshot
metadata: {name: pair}
spec:
  volumeGroupSnapshotClassName: test
  source: {selector: {matchLabels: {group: pair}}}
`)
	snapshots := w.partsOf("pair", len(pair))
	w.log("a snapshot of two volumes in use is ready")
	for i, name := range pair {
		w.writes(users[i], letter, secondLetter+" "+name)
		w.claim("old-"+name, "1", "  dataSource: {apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: "+snapshots[name]+"}\n")
		w.reads(w.use("old-"+name, "node-2", ofClaim("old-"+name)), letter, firstLetter+" "+name)
		w.reads(users[i], letter, secondLetter+" "+name)
	}
	w.log("two pods read what the group's snapshots kept")
}

// partsOf waits until a group snapshot is ready with so many snapshots, and gives them
// by their claims. They come after the group.
func (w *world) partsOf(group string, count int) map[string]string {
	w.t.Helper()
	w.kubectl("wait", "--for=jsonpath={.status.readyToUse}=true", "--timeout=180s", "volumegroupsnapshot/"+group)
	ready := `jsonpath={range .items[?(@.status.volumeGroupSnapshotName=="` + group + `")]}{.status.readyToUse} {.spec.source.persistentVolumeClaimName} {.metadata.name}{"\n"}{end}`
	parts := map[string]string{}
	w.until(volumeTime, func(ctx context.Context) string {
		out, err := w.Kubectl(ctx, "get", "volumesnapshots", "-o", ready)
		clear(parts)
		for line := range strings.Lines(out) {
			if words := strings.Fields(line); len(words) == 3 && words[0] == "true" {
				parts[words[1]] = words[2]
			}
		}
		if err != nil || len(parts) != count {
			return fmt.Sprintf("of group snapshot %s there is %q (%v)", group, out, err)
		}
		return ""
	})
	return parts
}
