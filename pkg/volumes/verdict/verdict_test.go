package verdict_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"underlay/pkg/volumes/block"
	"underlay/pkg/volumes/verdict"
)

// statuses are those that a question is asked of.
func statuses(q verdict.Question) []string {
	var all []string
	onSnapshot := []verdict.Question{verdict.SourceSnapshot, verdict.CreateSnapshot, verdict.DeleteSnapshot, verdict.CreateGroupSnapshot, verdict.DeleteGroupSnapshot}
	if slices.Contains(onSnapshot, q) {
		group := q == verdict.CreateGroupSnapshot || q == verdict.DeleteGroupSnapshot
		for _, s := range block.SnapshotStatuses() {
			if group && (s == block.SnapshotBackingUp || s == block.SnapshotRestoring) {
				continue // only single snapshots are copied
			}
			all = append(all, string(s))
		}
		return all
	}
	for _, s := range block.Statuses() {
		all = append(all, string(s))
	}
	return all
}

// each calls f with all facts of a question that can be told apart.
func each(q verdict.Question, f func(verdict.Facts)) {
	for _, status := range append(statuses(q), "a status of tomorrow") {
		for _, a := range verdict.Attachments() {
			for _, s := range verdict.Servers() {
				for _, h := range verdict.Servers() {
					f(verdict.Facts{Status: status, Attachment: a, Server: s, Holder: h})
				}
			}
		}
	}
}

func TestEveryStateHasAVerdictThatCanBeActedUpon(t *testing.T) {
	for _, q := range verdict.Questions() {
		each(q, func(f verdict.Facts) {
			v := verdict.Decide(q, f)
			refuses := v.Do == verdict.Refuse
			if refuses != (v.Code != codes.OK) {
				t.Errorf("%s, %+v: %s with code %s", q, f, v.Do, v.Code)
			}
			if v.Code == codes.Internal || v.Code == codes.Unknown {
				t.Errorf("%s, %+v: refused with %s, which every sidecar takes for the end", q, f, v.Code)
			}
			if v.Because == "" || strings.HasSuffix(v.Because, ".") {
				t.Errorf("%s, %+v: the reason is %q", q, f, v.Because)
			}
		})
	}
}

func TestEveryKnownStatusHasARowOfItsOwn(t *testing.T) {
	for _, q := range verdict.Questions() {
		rows := verdict.Rows(q)
		last := rows[len(rows)-1]
		if last.Status != nil || last.Attachment != nil || last.Server != nil || last.Holder != nil {
			t.Errorf("%s: the last row is not for anything", q)
		}
		for _, status := range statuses(q) {
			f := verdict.Facts{Status: status, Attachment: verdict.Nowhere}
			if got := verdict.Decide(q, f); got == last.Verdict && q != verdict.Unpublish {
				t.Errorf("%s: status %s is taken for one that is not known", q, status)
			}
		}
		if got := verdict.Decide(q, verdict.Facts{Status: "a status of tomorrow", Attachment: verdict.Here, Holder: verdict.Able}); got.Do == verdict.Clear {
			t.Errorf("%s: clears something away in a status that is not known", q)
		}
	}
}

func TestEveryRowIsReached(t *testing.T) {
	for _, q := range verdict.Questions() {
		reached := map[string]bool{}
		each(q, func(f verdict.Facts) { reached[verdict.Decide(q, f).Because] = true })
		for _, r := range verdict.Rows(q) {
			if !reached[r.Because] {
				t.Errorf("%s: no state leads to %q", q, r.Because)
			}
		}
	}
}

func TestAVolumeThatIsAttachedIsNeverDeleted(t *testing.T) {
	each(verdict.DeleteVolume, func(f verdict.Facts) {
		attached := slices.Contains([]verdict.Attachment{verdict.Here, verdict.Elsewhere, verdict.Shared, verdict.Stale}, f.Attachment)
		if attached && verdict.Decide(verdict.DeleteVolume, f).Do == verdict.Act {
			t.Errorf("deleted with %+v", f)
		}
	})
}

func TestAVolumeOfOneServerIsNeverAttachedToASecond(t *testing.T) {
	each(verdict.Publish, func(f verdict.Facts) {
		v := verdict.Decide(verdict.Publish, f)
		if f.Attachment == verdict.Elsewhere && (v.Do == verdict.Act || v.Do == verdict.Done) {
			t.Errorf("attached with %+v", f)
		}
		free := f.Status == string(block.StatusAvailable) && f.Attachment == verdict.Nowhere
		shared := f.Status == string(block.StatusInUse) && f.Attachment == verdict.Shared
		if v.Do == verdict.Act && !free && !shared {
			t.Errorf("asked for again with %+v", f)
		}
	})
}

func TestNothingIsClearedAwayOfAServerThatIsThere(t *testing.T) {
	for _, q := range []verdict.Question{verdict.Publish, verdict.Unpublish, verdict.DeleteVolume} {
		each(q, func(f verdict.Facts) {
			v := verdict.Decide(q, f)
			// Cinder tells of none that failed, and Nova has it at the server that asks for it.
			failed := f.Status == string(block.StatusErrorAttaching) && f.Attachment == verdict.Pending
			gone := f.Server == verdict.Gone || f.Holder == verdict.Gone || f.Attachment == verdict.Stale
			if v.Do == verdict.Clear && !failed && !gone {
				t.Errorf("%s clears with %+v", q, f)
			}
		})
	}
}

func TestServersAreClassified(t *testing.T) {
	tests := map[verdict.Server][]block.Server{
		verdict.Able:      {{Status: block.ServerActive, HostStatus: "UP"}, {Status: block.ServerPaused}, {Status: block.ServerStopped}, {Status: block.ServerShelved}},
		verdict.Offloaded: {{Status: block.ServerShelvedOffloaded, HostStatus: "UP"}},
		verdict.Building:  {{Status: block.ServerBuild}},
		verdict.Stuck:     {{Status: block.ServerError, HostStatus: "DOWN"}, {Status: block.ServerSuspended}, {Status: block.ServerRescue}},
		verdict.Down:      {{Status: block.ServerActive, HostStatus: "DOWN"}},
		verdict.Gone:      {{Status: block.ServerGone}, {Status: block.ServerDeleted}},
	}
	for want, servers := range tests {
		for _, server := range servers {
			if got := verdict.Classify(server); got != want {
				t.Errorf("%+v: got %s, want %s", server, got, want)
			}
		}
	}
}
