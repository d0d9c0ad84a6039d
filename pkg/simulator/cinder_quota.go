package simulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// Quotas and limits as cinder/quota.py, cinder/quota_utils.py,
// cinder/api/contrib/quotas.py and cinder/api/v3/limits.py have them. Every
// default is -1, without limit, so that a test meets only the limits that it sets.

// cinderQuotas are the resources that have one.
var cinderQuotas = []string{
	"volumes", "gigabytes", "snapshots", "backups", "backup_gigabytes", "per_volume_gigabytes", "groups",
}

// SetVolumeQuota sets one of a project's quotas at Cinder: "volumes",
// "gigabytes", "snapshots", "backups", "backup_gigabytes", "per_volume_gigabytes"
// or "groups"; -1 is without limit. The empty project is the plain member's.
func (c *Cloud) SetVolumeQuota(projectID, resource string, limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if projectID == "" {
		projectID = c.projectID()
	}
	c.cinder.setQuota(projectID, resource, limit)
}

func (s *cinder) setQuota(projectID, resource string, limit int) {
	if s.quotas[projectID] == nil {
		s.quotas[projectID] = map[string]int{}
	}
	s.quotas[projectID][resource] = limit
}

func (s *cinder) limit(projectID, resource string) int {
	if limit, found := s.quotas[projectID][resource]; found {
		return limit
	}
	return -1
}

// usage is what a project uses. Snapshots count as gigabytes (no_snapshot_gb_quota is off).
func (s *cinder) usage(projectID string) map[string]int {
	used := map[string]int{"volumes": 0, "gigabytes": 0, "snapshots": 0, "backups": 0, "backup_gigabytes": 0, "groups": 0}
	for _, v := range s.volumes.of(projectID) {
		used["volumes"]++
		used["gigabytes"] += v.size
	}
	for _, n := range s.snapshots.of(projectID) {
		used["snapshots"]++
		used["gigabytes"] += n.size
	}
	for _, b := range s.backups.of(projectID) {
		used["backups"]++
		used["backup_gigabytes"] += b.size
	}
	used["groups"] = len(s.groups.of(projectID))
	return used
}

// over tells whether more of a resource is beyond its quota.
func (s *cinder) over(projectID, resource string, used, more int) bool {
	limit := s.limit(projectID, resource)
	return limit >= 0 && used+more > limit
}

func overQuota(class, message string) error {
	return cinderErrorf(http.StatusRequestEntityTooLarge, class, ": ", message)
}

// checkSize refuses a volume that is larger than any may be.
func (s *cinder) checkSize(projectID string, size int) error {
	if limit := s.limit(projectID, "per_volume_gigabytes"); limit >= 0 && size > limit {
		return overQuota("VolumeSizeExceedsLimit",
			fmt.Sprintf("Requested volume size %dG is larger than maximum allowed limit %dG.", size, limit))
	}
	return nil
}

// checkVolumeQuota refuses one more volume of a size.
func (s *cinder) checkVolumeQuota(projectID string, size int) error {
	used := s.usage(projectID)
	if err := s.checkSize(projectID, size); err != nil {
		return err
	}
	if s.over(projectID, "volumes", used["volumes"], 1) {
		return overQuota("VolumeLimitExceeded", fmt.Sprintf("Maximum number of volumes allowed (%d) exceeded for quota 'volumes'.",
			s.limit(projectID, "volumes")))
	}
	return s.checkGigabytes(projectID, size)
}

// checkGigabytes refuses more GiB of volumes and snapshots.
func (s *cinder) checkGigabytes(projectID string, more int) error {
	used := s.usage(projectID)["gigabytes"]
	if !s.over(projectID, "gigabytes", used, more) {
		return nil
	}
	return overQuota("VolumeSizeExceedsAvailableQuota", fmt.Sprintf(
		"Requested volume or snapshot exceeds allowed gigabytes quota. Requested %dG, quota is %dG and %dG has been consumed.",
		more, s.limit(projectID, "gigabytes"), used))
}

// checkCount refuses more snapshots, backups or groups.
func (s *cinder) checkCount(projectID, resource, class string, more int) error {
	if !s.over(projectID, resource, s.usage(projectID)[resource], more) {
		return nil
	}
	return overQuota(class, fmt.Sprintf("Maximum number of %s allowed (%d) exceeded", resource, s.limit(projectID, resource)))
}

func (s *cinder) registerQuotas(t routeTable) {
	s.on(t, "GET /limits", 0, http.StatusOK, s.showLimits)
	s.on(t, "GET /os-quota-sets/{project}", 0, http.StatusOK, s.showQuotas)
	s.on(t, "GET /os-quota-sets/{project}/defaults", 0, http.StatusOK, s.showQuotas)
	s.on(t, "PUT /os-quota-sets/{project}", 0, http.StatusOK, s.updateQuotas)
}

func (s *cinder) showLimits(r *request) (any, error) {
	project := r.Token.ProjectID
	used := s.usage(project)
	return map[string]any{"limits": map[string]any{"rate": []any{}, "absolute": map[string]int{
		"maxTotalVolumes": s.limit(project, "volumes"), "totalVolumesUsed": used["volumes"],
		"maxTotalVolumeGigabytes": s.limit(project, "gigabytes"), "totalGigabytesUsed": used["gigabytes"],
		"maxTotalSnapshots": s.limit(project, "snapshots"), "totalSnapshotsUsed": used["snapshots"],
		"maxTotalBackups": s.limit(project, "backups"), "totalBackupsUsed": used["backups"],
		"maxTotalBackupGigabytes": s.limit(project, "backup_gigabytes"), "totalBackupGigabytesUsed": used["backup_gigabytes"],
	}}}, nil
}

func (s *cinder) showQuotas(r *request) (any, error) {
	project := r.Vars["project"]
	if project != r.Token.ProjectID && !r.Token.Admin {
		return nil, cinderPolicy("volume_extension:quotas:show")
	}
	used := s.usage(project)
	set := map[string]any{"id": project}
	for _, resource := range cinderQuotas {
		set[resource] = s.limit(project, resource)
		if isYes(r.Query.Get("usage")) {
			set[resource] = map[string]int{"limit": s.limit(project, resource), "in_use": used[resource], "reserved": 0}
		}
	}
	return map[string]any{"quota_set": set}, nil
}

func (s *cinder) updateQuotas(r *request) (any, error) {
	if !r.Token.Admin {
		return nil, cinderPolicy("volume_extension:quotas:update")
	}
	var wanted map[string]json.Number
	if err := r.decode("quota_set", &wanted); err != nil {
		return nil, badCinderField("quota_set", "a value is no number")
	}
	for _, resource := range slices.Sorted(maps.Keys(wanted)) {
		limit, err := wanted[resource].Int64()
		if err != nil || limit < -1 || !slices.Contains(cinderQuotas, resource) {
			return nil, badCinderField(resource, "is no quota or no number from -1 on")
		}
		s.setQuota(r.Vars["project"], resource, int(limit))
	}
	return s.showQuotas(r)
}
