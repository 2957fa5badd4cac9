package recipe_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// stepsOfFindings returns the names of steps that findings of the profile advise,
// as its source has them.
func stepsOfFindings(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "dataset", "profile", "finding.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	text := func(e ast.Expr) {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if s, err := strconv.Unquote(l.Value); err == nil && s != "" {
				found[s] = true
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if k, ok := n.Key.(*ast.Ident); ok && k.Name == "Step" {
				text(n.Value)
			}
		case *ast.AssignStmt:
			for i, to := range n.Lhs {
				if k, ok := to.(*ast.Ident); ok && k.Name == "step" && i < len(n.Rhs) {
					text(n.Rhs[i])
				}
			}
		}
		return true
	})
	return slices.Sorted(maps.Keys(found))
}

// TestFindingsSpeakTheVocabulary: every step that the profile advises is one, and
// can be made of the column that a finding names.
func TestFindingsSpeakTheVocabulary(t *testing.T) {
	t.Parallel()
	type p = map[string]any
	x := preprocess.Schema{{Name: "text", Type: frame.String, Nullable: true}, {Name: "number", Type: frame.Float, Nullable: true}, {Name: "at", Type: frame.Time, Nullable: true}}
	with := map[string]p{
		"impute_missing": {"columns": []any{"number"}, "strategy": "median"}, "drop_missing_rows": {"columns": []any{"number"}}, "drop_columns": {"columns": []any{"text"}},
		"remove_duplicates": {"columns": []any{"text"}}, "cap_outliers": {"columns": []any{"number"}}, "change_case": {"columns": []any{"text"}, "case": "lower"},
		"group_rare": {"columns": []any{"text"}}, "derive_column": {"name": "number log", "expression": "log(number)"}, "filter_rows": {"condition": `at <= timestamp("2024-01-31T00:00:00Z")`},
		"replace_values": {"columns": []any{"text"}, "values": p{"a": "b"}}, "trim_text": {"columns": []any{"text"}}, "convert_type": {"columns": []any{"text"}, "type": "float"},
		"replace_text": {"columns": []any{"text"}, "pattern": `(\d\d)$`, "replacement": "20$1"},
	}
	names := stepsOfFindings(t)
	if len(names) < 9 {
		t.Fatalf("the findings advise %q only", names)
	}
	for _, name := range names {
		given, ok := with[name]
		if !ok {
			t.Errorf("a finding advises %q, which is no step that a test knows", name)
			continue
		}
		_, err := preprocess.Bind([]recipe.Step{{Name: name, Parameters: given}}, x, env(t))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
