package httpapi

import (
	"time"

	"github.com/narrativeml/narrative/internal/recipe"
)

const exampleRecipeID = "rcp_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"

func exampleSteps() []Step {
	return []Step{
		{Name: "trim_text", Parameters: map[string]any{"columns": []string{"city"}}},
		{Name: "impute_missing", Parameters: map[string]any{"columns": []string{"age"}, "strategy": "median"}},
	}
}

// recipeRequests are the bodies of the operations about recipes and versions.
func recipeRequests() map[string]any {
	draft := RecipeDraft{Name: "clean customers", Tags: []string{"customers"}, Visibility: "tenant", Steps: exampleSteps(), DatasetID: exampleDatasetID}
	use := RecipeUse{DatasetID: exampleDatasetID, Steps: exampleSteps()}
	return map[string]any{
		"create-recipe": draft, "put-recipe": draft, "check-recipe": use, "preview-recipe": RecipePreviewRequest{RecipeUse: use, Limit: 10},
		"transform":   recipe.Request{Use: recipe.Use{DatasetID: exampleDatasetID, RecipeID: exampleRecipeID}},
		"pin-version": VersionChange{Pinned: true},
	}
}

// recipeAnswers are the bodies that they answer with.
func recipeAnswers(at time.Time, made Accepted) map[string]any {
	columns := []Column{{Name: "age", Type: "float"}, {Name: "city", Type: "string", Nullable: true}}
	one := 12
	version := DatasetVersion{Number: 1, MadeBy: "ingest", Hash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", Rows: 1000, Columns: columns, User: "ada", JobID: exampleJobID, CreatedAt: at}
	next := version
	next.MadeBy, next.Number, next.Parent, next.RecipeID, next.RecipeVersion, next.Steps, next.RowsBefore = "recipe", 2, 1, exampleRecipeID, 1, exampleSteps(), 1000
	next.Hash = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
	next.Counts, next.Retyped = []StepCount{{In: 1000, Out: 1000}, {In: 1000, Out: 1000}}, []string{"age"}
	saved := Recipe{
		ID: exampleRecipeID, Name: "clean customers", Tags: []string{"customers"}, Visibility: "tenant", Mine: true, User: "ada", Version: 1, Steps: exampleSteps(),
		Columns: columns, Versions: []RecipeVersion{{Number: 1, Steps: exampleSteps(), CreatedAt: at}}, CreatedAt: at, UpdatedAt: at,
	}
	steps := exampleSteps()
	rows := PreviewRows{Columns: columns, Rows: [][]any{{34.0, "Oslo"}, {40.5, nil}}}
	return map[string]any{
		"get-transformations": Transformations{Items: []Transformation{viewTransformation(recipe.Vocabulary()[0])}},
		"create-recipe":       saved, "get-recipe": saved, "put-recipe": saved, "list-recipes": Page[Recipe]{Items: []Recipe{saved}},
		"export-recipe": RecipeCode{Format: "python", Code: "def transform(df):\n    …\n"},
		"check-recipe": RecipePlan{Passes: 2, Steps: []PlannedStep{{
			Step: steps[0], Explanation: `Removes white space around "city" (side: "both").`, Runs: "streaming", Rows: "keeps", Reads: []string{"city"}, Writes: []string{"city"}, Columns: columns,
		}}},
		"preview-recipe": RecipePreview{
			Label: "All 1000 rows.", SampleRows: 1000, RowsTotal: 1000, Before: rows, After: rows,
			Steps: []StepPreview{{Name: "trim_text", Explanation: `Removes white space around "city" (side: "both").`, RowsBefore: 1000, RowsAfter: 1000, CellsChanged: &one, ColumnsAdded: []string{}, ColumnsRemoved: []string{}}},
		},
		"suggest-steps": Suggestions{
			Items: []Suggestion{{Step: steps[1], Reason: `12 numbers are missing in "age"`, Affected: 12, Effect: 0.006, Auto: true, Order: 5}}, Clean: steps[1:],
		},
		"transform":    made,
		"get-versions": DatasetVersions{Items: []DatasetVersion{next, version}}, "get-version": next, "pin-version": next,
		"compare-versions": VersionComparison{From: version, To: next, Added: []string{}, Removed: []string{}, Retyped: []string{"age"}, Changed: []ColumnDifference{
			{Name: "age", From: ColumnSummary{Type: "integer", Missing: 12, Distinct: 60}, To: ColumnSummary{Type: "float", Distinct: 60}},
		}},
	}
}
