package httpapi

import (
	"context"
	"net/http"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/store"
)

// Recipes keeps recipes, and says what they would do.
type Recipes interface {
	Planner[recipe.Request]
	RecipeRegister
	RecipeReader
}

// RecipeRegister keeps recipes.
type RecipeRegister interface {
	Create(ctx context.Context, caller account.Caller, d recipe.Draft, idempotencyKey string) (r *recipe.Recipe, created bool, err error)
	Update(ctx context.Context, caller account.Caller, id string, d recipe.Draft) (*recipe.Recipe, error)
	Get(ctx context.Context, caller account.Caller, id string) (*recipe.Recipe, error)
	List(ctx context.Context, caller account.Caller, f recipe.Filter, cursor string, limit int) (store.Page[*recipe.Recipe], error)
	Delete(ctx context.Context, caller account.Caller, id string) error
}

// RecipeReader says what steps would do.
type RecipeReader interface {
	Check(ctx context.Context, caller account.Caller, u recipe.Use) (*recipe.Plan, error)
	Preview(ctx context.Context, caller account.Caller, u recipe.Use, limit int) (*recipe.Preview, error)
	SuggestFor(ctx context.Context, d *dataset.Dataset) ([]recipe.Suggestion, error)
	Python(ctx context.Context, caller account.Caller, id string, version int, datasetID string) (string, error)
}

// Versions shows and pins the versions of data sets.
type Versions interface {
	Versions(ctx context.Context, tenant, id string) ([]*dataset.Revision, error)
	Revision(ctx context.Context, tenant, id string, number int) (*dataset.Revision, error)
	Pin(ctx context.Context, tenant, id string, number int, pinned bool) (*dataset.Revision, error)
	Compare(ctx context.Context, tenant, id string, from, to int) (*dataset.Comparison, error)
}

// Transformation is one that a step of a recipe can be.
type Transformation struct {
	Name       string                    `json:"name" example:"trim_text"`
	Group      string                    `json:"group" example:"text"`
	Summary    string                    `json:"summary"`
	Parameters []TransformationParameter `json:"parameters" nullable:"false"`
	Runs       string                    `json:"runs" enum:"streaming,two_pass,in_memory" doc:"A chunk of rows at a time; the same after it has learned from all; or with rows in memory"`
	Rows       string                    `json:"rows" enum:"keeps,removes,makes" doc:"What it does to rows"`
	Prediction string                    `json:"prediction" enum:"apply,skip" doc:"Whether it is applied when a model predicts, with what it learned, or skipped"`
	Example    map[string]any            `json:"example" doc:"Parameters as they might be"`
}

// TransformationParameter is a parameter of a transformation.
type TransformationParameter struct {
	Name     string   `json:"name" example:"columns"`
	Type     string   `json:"type" enum:"column,columns,text,texts,number,numbers,integer,boolean,choice,choices,expression,pattern,mapping,value,dataset"`
	Doc      string   `json:"doc"`
	Required bool     `json:"required"`
	Default  any      `json:"default,omitempty"`
	Choices  []string `json:"choices,omitempty" nullable:"false"`
	Min      *float64 `json:"min,omitempty"`
	Max      *float64 `json:"max,omitempty"`
}

// Transformations is the vocabulary.
type Transformations struct {
	Items []Transformation `json:"items" nullable:"false" doc:"By group"`
}

func (s *server) registerTransformations() {
	register(s, operation(tagRecipes, "GET /transformations", "get-transformations", "List the transformations",
		`Everything that a step of a recipe can be, with its parameters.`),
		func(context.Context, *struct{}) (*struct{ Body Transformations }, error) {
			out := &struct{ Body Transformations }{}
			for _, o := range recipe.Vocabulary() {
				out.Body.Items = append(out.Body.Items, viewTransformation(o))
			}
			return out, nil
		})
}

func viewTransformation(o recipe.Operation) Transformation {
	v := Transformation{
		Name: o.Name, Group: o.Group, Summary: o.Summary, Runs: string(o.Runs), Rows: string(o.Rows), Prediction: string(o.Prediction),
		Parameters: make([]TransformationParameter, 0, len(o.Parameters)), Example: o.Example.Parameters,
	}
	for _, p := range o.Parameters {
		v.Parameters = append(v.Parameters, TransformationParameter{
			Name: p.Name, Type: string(p.Type), Doc: p.Doc, Required: p.Required, Default: p.Default, Choices: p.Choices, Min: p.Min, Max: p.Max,
		})
	}
	return v
}

func (s *server) registerTransforms(service Recipes) {
	op := operation(tagRecipes, "POST /transforms", "transform", "Apply a recipe",
		`Applies steps, or a recipe that was saved, to a version of a data set, and makes a new version of what comes out. Or makes a version again from its lineage, with the same hash. The steps are checked before the job is accepted.`,
		http.StatusNotFound, http.StatusConflict)
	registerSubmission(s, op, Submitter[recipe.Request](service), func(r recipe.Request) (string, string) { return r.DatasetID, "" })
}
