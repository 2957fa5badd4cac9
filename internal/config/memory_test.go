package config_test

import (
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/config"
)

func TestMemoryBudget(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	meminfo := "MemTotal:       16777216 kB\nMemFree:         1000 kB\n"
	tests := []struct {
		name    string
		files   map[string]string
		environ []string
		want    int64
		origin  string
	}{
		{"of the machine", map[string]string{"/proc/meminfo": meminfo}, nil, 12 * gib, "three quarters of the memory here"},
		{"of a control group", map[string]string{"/proc/meminfo": meminfo, "/sys/fs/cgroup/memory.max": "4294967296\n"}, nil, 3 * gib, "three quarters of the memory here"},
		{"of a control group of the first version", map[string]string{"/proc/meminfo": meminfo, "/sys/fs/cgroup/memory/memory.limit_in_bytes": "8589934592\n"}, nil, 6 * gib, "three quarters of the memory here"},
		{"of a control group without a limit", map[string]string{"/proc/meminfo": meminfo, "/sys/fs/cgroup/memory.max": "max\n", "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"}, nil, 12 * gib, "three quarters of the memory here"},
		{"not to be known", nil, nil, 0, "default"},
		{"not to be understood", map[string]string{"/proc/meminfo": "MemTotal: much\n"}, nil, 0, "default"},
		{"given", map[string]string{"/proc/meminfo": meminfo}, []string{"NARRATIVE_WORKER_MEMORY=2GiB"}, 2 * gib, "variable NARRATIVE_WORKER_MEMORY"},
		{"left to the machine", map[string]string{"/proc/meminfo": meminfo}, []string{"NARRATIVE_WORKER_MEMORY=0"}, 12 * gib, "three quarters of the memory here"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, err := load(t, config.RoleWorker, test.files, complete(test.environ...))
			if err != nil {
				t.Fatal(err)
			}
			if c.Worker.Memory != test.want {
				t.Errorf("the budget is %d, want %d", c.Worker.Memory, test.want)
			}
			for _, e := range c.Entries() {
				if e.Path == "worker.memory" && e.Origin != test.origin {
					t.Errorf("it comes from %q, want %q", e.Origin, test.origin)
				}
			}
		})
	}
}

func TestMistakesAboutMemory(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]string{
		"NARRATIVE_WORKER_MEMORY=-1GiB":     "write a number of bytes",
		"NARRATIVE_WORKER_MEMORY=1MiB":      "between 64MiB and 1024TiB",
		"NARRATIVE_WORKER_MEMORY=lots":      "write a number of bytes",
		"NARRATIVE_WORKER_ISOLATION=a cell": "write process or none",
		"NARRATIVE_WORKER_ISOLATION=none":   "",
	} {
		_, err := load(t, config.RoleWorker, map[string]string{"/proc/meminfo": "MemTotal: 16777216 kB\n"}, complete(setting))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", setting, err)
		}
	}
}
