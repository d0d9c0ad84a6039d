package livepage_test

import (
	"bytes"
	"fmt"
	"image/png"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	// without names, separated by commas, what this machine lacks on purpose.
	without = "UNDERLAY_WITHOUT"
	// keep names a folder that keeps the screenshots.
	keep = "UNDERLAY_SCREENSHOTS"
)

// browser finds Chromium. It fails the test if there is none, unless the
// machine's owner has said that it is left out.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if slices.Contains(strings.Split(os.Getenv(without), ","), "chromium") {
		t.Logf("%s says that chromium is left out: the live page is not looked at here", without)
		return ""
	}
	t.Fatalf("there is no Chromium: apt-get install chromium, or set %s=chromium to leave this check out", without)
	return ""
}

// visit runs the browser for some seconds of the page's own time.
func visit(t *testing.T, chromium string, args ...string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), chromium, append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--user-data-dir=" + t.TempDir(),
	}, args...)...)
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		t.Fatalf("chromium: %v: %s", err, problems.String())
	}
	return out.Bytes()
}

// dom is the document after the scripts have run, long enough for the page to
// miss a cloud that is gone.
func dom(t *testing.T, chromium, url string) string {
	t.Helper()
	return string(visit(t, chromium, "--virtual-time-budget=12000", "--dump-dom", url))
}

// The page is painted in both colour schemes on a phone and a desktop.
func TestPageIsPainted(t *testing.T) {
	chromium := browser(t)
	if chromium == "" {
		return
	}
	folder := os.Getenv(keep)
	if folder == "" {
		folder = t.TempDir()
	}
	counts := []int{3}
	if os.Getenv(keep) != "" {
		counts = []int{3, 20, 200}
	}
	for _, servers := range counts {
		c, _ := newCloud(servers)
		web := httptest.NewServer(&script{cloud: c})
		for _, size := range [][2]int{{360, 800}, {1440, 900}} {
			brightness := map[string]uint32{}
			for scheme, setting := range map[string]string{"dark": "0", "light": "1"} {
				file := filepath.Join(folder, fmt.Sprintf("%d-%d-%s.png", servers, size[0], scheme))
				visit(t, chromium, "--virtual-time-budget=3500", "--screenshot="+file,
					fmt.Sprintf("--window-size=%d,%d", size[0], size[1]), "--blink-settings=preferredColorScheme="+setting, web.URL+"/")
				brightness[scheme] = painted(t, file, size)
			}
			if brightness["dark"] > 60 || brightness["light"] < 190 {
				t.Errorf("%v: the mean brightness is %v of 255, want dark and light", size, brightness)
			}
		}
		web.Close()
	}
}

// painted checks that an image has its size and more than a few colours, and
// tells how bright it is.
func painted(t *testing.T, file string, size [2]int) (brightness uint32) {
	t.Helper()
	source, err := os.Open(file)
	if err != nil {
		t.Fatalf("open the screenshot: %v", err)
	}
	defer func() { _ = source.Close() }()
	image, err := png.Decode(source)
	if err != nil {
		t.Fatalf("read the screenshot: %v", err)
	}
	if got := image.Bounds().Size(); got.X != size[0] || got.Y != size[1] {
		t.Errorf("the screenshot is %v, want %v", got, size)
	}
	colours, sum := map[uint32]bool{}, uint64(0)
	for x := range size[0] {
		for y := range size[1] {
			r, g, b, _ := image.At(x, y).RGBA()
			colours[r>>8<<16|g>>8<<8|b>>8] = true
			sum += uint64((r + g + b) / 3 >> 8)
		}
	}
	if len(colours) < 50 {
		t.Errorf("%s has %d colours: nothing is painted", file, len(colours))
	}
	return uint32(sum / uint64(size[0]*size[1]))
}
