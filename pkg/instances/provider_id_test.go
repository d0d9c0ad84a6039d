package instances

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const uuidA = "3f1c8a52-90ab-4c0d-8e11-0123456789ab"

func TestParseProviderID(t *testing.T) {
	tests := []struct {
		text    string
		want    ProviderID
		wantErr error
	}{
		{text: "openstack:///" + uuidA, want: ProviderID{Server: uuidA}},
		{text: "openstack://RegionOne/" + uuidA, want: ProviderID{Region: "RegionOne", Server: uuidA}},
		{text: "openstack:///" + strings.ToUpper(uuidA), want: ProviderID{Server: uuidA}},
		{text: "", wantErr: errOtherProvider},
		{text: uuidA, wantErr: errOtherProvider},
		{text: "aws:///eu-west-1a/i-0123456789abcdef0", wantErr: errOtherProvider},
		{text: "k3s://node-1", wantErr: errOtherProvider},
		{text: "OpenStack:///" + uuidA, wantErr: errOtherProvider},
		{text: "openstack:/" + uuidA, wantErr: errOtherProvider},
		{text: "openstack://", wantErr: errMalformed},
		{text: "openstack:///", wantErr: errMalformed},
		{text: "openstack://" + uuidA, wantErr: errMalformed},
		{text: "openstack:///node-1", wantErr: errMalformed},
		{text: "openstack:///" + uuidA + "/", wantErr: errMalformed},
		{text: "openstack://r/x/" + uuidA, wantErr: errMalformed},
		{text: "openstack:///" + strings.ReplaceAll(uuidA, "-", ""), wantErr: errMalformed},
		{text: "openstack:///" + strings.Replace(uuidA, "a", "g", 1), wantErr: errMalformed},
		{text: "openstack:///" + strings.Replace(uuidA, "-", "0", 1), wantErr: errMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := ParseProviderID(tt.text)
			if !errors.Is(err, tt.wantErr) {
				t.Fatalf("error = %v, want %v", err, tt.wantErr)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("provider ID (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzParseProviderID: what parses names a canonical UUID, and its own
// spelling parses to the same.
func FuzzParseProviderID(f *testing.F) {
	for _, seed := range []string{"", "openstack:///" + uuidA, "openstack://R/" + uuidA, "aws:///x", "openstack:////", "openstack://\x00/" + uuidA} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseProviderID(text)
		if err != nil {
			return
		}
		if canonicalUUID(id.Server) != id.Server || id.Server == "" {
			t.Fatalf("%q parsed to the server %q", text, id.Server)
		}
		again, err := ParseProviderID(id.String())
		if err != nil || again != id {
			t.Fatalf("%q: %v wrote %q, which reads %v, %v", text, id, id, again, err)
		}
		if !strings.EqualFold(id.String(), text) {
			t.Fatalf("%q and %q name the same server", text, id)
		}
	})
}

func TestSystemServerIDs(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"as Nova writes it, and with the bytes swapped", "00112233-4455-6677-8899-aabbccddeeff",
			[]string{"00112233-4455-6677-8899-aabbccddeeff", "33221100-5544-7766-8899-aabbccddeeff"}},
		{"upper case", "00112233-4455-6677-8899-AABBCCDDEEFF",
			[]string{"00112233-4455-6677-8899-aabbccddeeff", "33221100-5544-7766-8899-aabbccddeeff"}},
		{"both forms the same", "11111111-2222-3333-4444-555555555555", []string{"11111111-2222-3333-4444-555555555555"}},
		{"a serial number instead", "VMware-42 1d", nil},
		{"empty", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, systemServerIDs(tt.text)); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
		})
	}
}
