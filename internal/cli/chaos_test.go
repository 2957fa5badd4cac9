package cli_test

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/cli"
)

func TestDrillUpload(t *testing.T) {
	t.Parallel()
	sh := setup(t, nil)
	if code, _, errs := sh.run(t.Context(), "drill-upload"); code != cli.ExitUsage {
		t.Errorf("a program without the drill: exit code %d, %s", code, errs)
	}
	var size int64
	var seed uint64
	sh.servers.DrillUpload = func(_ context.Context, s int64, n uint64, _ io.Writer) error { size, seed = s, n; return nil }
	if code, _, errs := sh.run(t.Context(), "drill-upload", "--size", "3MiB", "--seed", "7"); code != cli.ExitOK || size != 3<<20 || seed != 7 {
		t.Errorf("exit code %d, %d, %d, %s", code, size, seed, errs)
	}
	for _, bad := range []string{"x", "-1", "0"} {
		if code, _, errs := sh.run(t.Context(), "drill-upload", "--size", bad); code != cli.ExitUsage || !strings.Contains(errs, "1GiB") {
			t.Errorf("size %s: exit code %d, %s", bad, code, errs)
		}
	}
}

func TestChaos(t *testing.T) {
	t.Parallel()
	sh := setup(t, nil)
	if code, _, errs := sh.run(t.Context(), "chaos"); code != cli.ExitUsage {
		t.Errorf("a program without chaos: exit code %d, %s", code, errs)
	}
	var asked cli.Disturbance
	var broken error
	sh.servers.Chaos = func(_ context.Context, d cli.Disturbance, _ io.Writer) error { asked = d; return broken }
	for _, tt := range []struct {
		args string
		want cli.Disturbance
	}{
		{"--tagged t", cli.Disturbance{Jobs: 1000, Seed: 1, Tagged: "t", Dir: "build/chaos"}},
		{"--tagged t --jobs 7 --seed 9 --dir d --stages main,points", cli.Disturbance{Jobs: 7, Seed: 9, Tagged: "t", Dir: "d", Stages: []string{"main", "points"}}},
	} {
		if code, _, errs := sh.run(t.Context(), append([]string{"chaos"}, strings.Fields(tt.args)...)...); code != cli.ExitOK || !reflect.DeepEqual(asked, tt.want) {
			t.Errorf("%s: exit code %d, %+v, %s", tt.args, code, asked, errs)
		}
	}
	for _, args := range []string{"", "--tagged t --jobs 0", "--tagged t more", "--seed -1"} {
		if code, _, errs := sh.run(t.Context(), append([]string{"chaos"}, strings.Fields(args)...)...); code != cli.ExitUsage || errs == "" {
			t.Errorf("chaos %s: exit code %d, %s", args, code, errs)
		}
	}
	broken = errors.New("a promise was broken")
	if code, _, errs := sh.run(t.Context(), "chaos", "--tagged", "t"); code != cli.ExitFailure || !strings.Contains(errs, "broken") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}
