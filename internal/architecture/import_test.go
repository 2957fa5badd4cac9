package architecture_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sources calls fn for every Go file of the module, by its path within it,
// whatever it is built for.
func sources(tb testing.TB, fn func(name string)) {
	tb.Helper()
	err := filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && at != root && (strings.HasPrefix(name, ".") || slices.Contains([]string{"node_modules", "build", "bin", "data", "tools", "testdata"}, name)) {
			return fs.SkipDir
		}
		name, err := filepath.Rel(root, at)
		if err == nil && filepath.Ext(at) == ".go" {
			fn(filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// folders returns the folders of the module's packages that have code beside
// tests.
func folders(tb testing.TB) []string {
	tb.Helper()
	all := map[string]bool{}
	sources(tb, func(name string) {
		if !strings.HasSuffix(name, "_test.go") {
			all[path.Dir(name)] = true
		}
	})
	if len(all) < 40 {
		tb.Fatalf("only %d packages were found", len(all))
	}
	return slices.Sorted(maps.Keys(all))
}

func TestArchitectureImports(t *testing.T) {
	t.Parallel()
	all, imports := readRules(t), 0
	sources(t, func(name string) {
		file, err := parser.ParseFile(token.NewFileSet(), name, read(t, name), parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			imports++
			at := strings.Trim(spec.Path.Value, `"`)
			for _, said := range all.refusing(name, at) {
				t.Errorf("%s imports %s, which .golangci.yml refuses by the list %s", name, at, said)
			}
		}
	})
	if imports < 1000 {
		t.Errorf("only %d imports were looked at", imports)
	}
}

// TestArchitectureImportMistakesAreFound plants imports. Each is refused by
// the list that is named, or by none.
func TestArchitectureImportMistakesAreFound(t *testing.T) {
	t.Parallel()
	all := readRules(t)
	const sqlite = module + "/internal/store/sqlitestore"
	for _, tt := range []struct{ file, imports, list string }{
		{"ml/gbdt/tree.go", "log/slog", "ml"},
		{"ml/gbdt/tree.go", "os/exec", "ml"},
		{"ml/frame/frame.go", "net/http", "ml"},
		{"ml/frame/frame.go", "database/sql", "ml"},
		{"ml/frame/frame.go", "testing", "suites-stay-in-tests"},
		{"ml/frame/frame.go", "math/rand", "ml"},
		{"ml/frame/frame.go", "math/rand/v2", ""},
		{"ml/frame/frame.go", "gonum.org/v1/gonum/mat", ""},
		{"ml/frame/frame.go", module + "/internal/fault", "ml"},
		{"ml/frame/frame_test.go", "os", ""},
		{"ml/linear/linear.go", module + "/ml/gbdt", "ml-algorithms-are-siblings"},
		{"ml/automl/automl.go", module + "/ml/gbdt", ""},
		{"internal/fault/fault.go", "net/http", "fault-and-secret"},
		{"internal/job/runner.go", "log/slog", "hub-job"},
		{"internal/job/runner.go", "net/http/httptest", "hub-job"},
		{"internal/job/runner.go", module + "/internal/job/jobtest", "hub-job"},
		{"internal/account/claims.go", module + "/internal/dataset", "hub-account"},
		{"internal/tabular/csv.go", module + "/internal/store", "tabular"},
		{"internal/dataset/ingest.go", module + "/internal/model", "hub-dataset"},
		{"internal/dataset/profile/bins.go", "log", "hub-dataset"},
		{"internal/dataset/chart/rows.go", module + "/internal/store", "dataset-chart"},
		{"internal/dataset/fetch/run.go", module + "/internal/dataset", "dataset-fetch"},
		{"internal/dataset/chart/rows.go", module + "/internal/dataset/profile", ""},
		{"internal/model/model.go", module + "/internal/training", "hub-model"},
		{"internal/training/runner.go", module + "/internal/tuning", "activities"},
		{"internal/training/runner.go", module + "/internal/dataset/profile", "activities"},
		{"internal/training/runner.go", "github.com/aws/aws-sdk-go-v2/service/s3", "only-blob-aws"},
		{"internal/training/runner.go", module + "/internal/model", ""},
		{"jobs/training.go", module + "/internal/store", "jobs"},
		{"jobs/training.go", module + "/internal/training", ""},
		{"internal/store/store.go", module + "/internal/job", "store"},
		{"internal/store/store.go", "net/http/httputil", "store"},
		{"internal/queue/queue.go", module + "/internal/job", "queue"},
		{"internal/blob/blob.go", module + "/internal/store", "blob"},
		{"internal/telemetry/metrics.go", module + "/internal/job", "telemetry"},
		{"internal/telemetry/metrics.go", module + "/internal/store", ""},
		{"internal/health/health.go", module + "/internal/store", ""},
		{"internal/health/health.go", module + "/internal/store/memstore", "health"},
		{"internal/llm/client.go", module + "/internal/store", "llm"},
		{"internal/resilience/guard.go", module + "/internal/queue", "resilience"},
		{"internal/app/guard.go", "github.com/failsafe-go/failsafe-go/circuitbreaker", "only-resilience-failsafe"},
		{"internal/embedded/redis.go", module + "/internal/store", "embedded"},
		{"internal/httpapi/training.go", module + "/internal/queue", "httpapi"},
		{"internal/httpapi/training.go", module + "/internal/store/memstore", "httpapi"},
		{"internal/client/client.go", module + "/internal/job", "client"},
		{"internal/demo/demo.go", module + "/ml/metric", "demo"},
		{"internal/cli/root.go", module + "/internal/httpapi", "cli"},
		{"internal/app/api.go", module + "/internal/cli", "app"},
		{"internal/app/api.go", "github.com/hibiken/asynq", "only-queue-asynq"},
		{"cmd/api/main.go", module + "/internal/store", "cmd"},
		{"cmd/api/main.go", module + "/internal/app", ""},
		{"internal/httpapi/edge_test.go", "github.com/hibiken/asynq", "only-queue-asynq"},
		{"internal/queue/monitor.go", "github.com/hibiken/asynqmon", ""},
		{"internal/telemetry/queues.go", "github.com/redis/go-redis/v9", "only-queue-redis"},
		{"internal/retention/runner.go", "go.mongodb.org/mongo-driver/v2/mongo", "only-mongostore-mongo"},
		{"internal/store/memstore/memstore.go", "modernc.org/sqlite", "only-sqlitestore-sqlite"},
		{"internal/dataset/ingest.go", "github.com/prometheus/client_golang/prometheus", "only-telemetry-prometheus"},
		{"internal/cli/root.go", "github.com/vbauerster/mpb/v8", "only-terminal-progress"},
		{"internal/cli/root.go", "github.com/labstack/echo/v4", "only-httpapi-echo"},
		{"internal/job/job_test.go", module + "/internal/app", "only-cmd-app"},
		{"internal/blob/config.go", module + "/internal/config", "only-app-config"},
		{"internal/app/embed.go", sqlite, ""},
		{"internal/app/api.go", sqlite, "only-dev-opens-sqlite"},
		{"internal/app/parts.go", sqlite, "only-dev-opens-sqlite"},
		{"internal/app/cluster_test.go", sqlite, "only-dev-opens-sqlite"},
		{"internal/drill/jobplatform.go", sqlite, ""},
		{"internal/drill/job.go", sqlite, "only-dev-opens-sqlite"},
		{"internal/drill/chaos/parts.go", sqlite, ""},
		{"internal/drill/chaos/run.go", sqlite, "only-dev-opens-sqlite"},
		{"internal/drill/chaos/run.go", module + "/internal/httpapi", "drill-chaos"},
		{"internal/drill/failpoint/store.go", module + "/internal/queue", "drill-failpoint"},
		{"internal/app/platform.go", module + "/internal/drill/failpoint", "only-chaos-failpoint"},
		{"internal/app/port_chaos.go", module + "/internal/drill/failpoint", ""},
		{"internal/drill/peer/child.go", module + "/ml", "drill-peer"},
		{"internal/drill/generator/kind.go", module + "/ml/frame", "drill-generator"},
		{"internal/store/mongowire/server.go", sqlite, "only-dev-opens-sqlite"},
		{"internal/store/mongowire/server_test.go", sqlite, ""},
		{"internal/e2e/parts_test.go", sqlite, "only-dev-opens-sqlite"},
		{"internal/training/runner.go", module + "/ml/mltest", "suites-stay-in-tests"},
		{"internal/store/memstore/memstore.go", module + "/internal/store/storetest", "suites-stay-in-tests"},
		{"internal/store/storetest/suite.go", "testing", ""},
	} {
		said := all.refusing(tt.file, tt.imports)
		if tt.list == "" && len(said) > 0 {
			t.Errorf("%s may import %s, but: %q", tt.file, tt.imports, said)
		}
		if tt.list != "" && !slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, tt.list+": ") }) {
			t.Errorf("%s imports %s, which the list %s must refuse: %q", tt.file, tt.imports, tt.list, said)
		}
	}
}

// TestArchitectureEveryPackageHasAnImportRule plants imports in every package,
// so that a new one cannot be without a rule.
func TestArchitectureEveryPackageHasAnImportRule(t *testing.T) {
	t.Parallel()
	all := readRules(t)
	for _, folder := range folders(t) {
		if said := all.refusing(folder+"/planted.go", "example.org/a/vendor/of/nobody"); len(said) == 0 {
			t.Errorf("%s may import anything; give it a strict list in .golangci.yml", folder)
		}
		if said := all.refusing(folder+"/planted.go", module+"/internal/app"); len(said) == 0 && !strings.HasPrefix(folder, "cmd/") {
			t.Errorf("%s may import internal/app", folder)
		}
		if strings.HasSuffix(folder, "test") && len(all.refusing("internal/app/planted.go", module+"/"+folder)) == 0 {
			t.Errorf("the suite %s may be imported by more than tests; name it in the list suites-stay-in-tests", folder)
		}
	}
}
