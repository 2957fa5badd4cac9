package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/narrativeml/narrative/internal/recipe"
)

// Step is one step of a recipe.
type Step struct {
	Name       string         `json:"name" minLength:"1" maxLength:"100" doc:"A transformation, see GET /api/v1/transformations" example:"trim_text"`
	Parameters map[string]any `json:"parameters,omitempty" doc:"Its parameters"`
}

// RecipeDraft is what is saved as a recipe.
type RecipeDraft struct {
	Name        string   `json:"name" minLength:"1" maxLength:"200" example:"clean customers"`
	Description string   `json:"description,omitempty" maxLength:"4000"`
	Tags        []string `json:"tags,omitempty" maxItems:"20" nullable:"false"`
	Visibility  string   `json:"visibility,omitempty" enum:"private,tenant,public" doc:"Who sees it: you, everybody of your tenant, or everybody; default: private. Only your tenant changes it"`
	Steps       []Step   `json:"steps,omitempty" maxItems:"200" nullable:"false" doc:"In order. A change without steps keeps those there are"`
	DatasetID   string   `json:"dataset_id,omitempty" doc:"The data set whose columns it is checked against, and made for; default: its names and parameters alone are checked"`
}

// Recipe is a recipe as a client sees it.
type Recipe struct {
	ID          string          `json:"id" pattern:"^rcp_[0-9a-f]{32}$"`
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Tags        []string        `json:"tags" nullable:"false"`
	Visibility  string          `json:"visibility" enum:"private,tenant,public"`
	Mine        bool            `json:"mine" doc:"Whether it is your tenant's; another's can be used and copied, not changed"`
	User        string          `json:"user,omitempty" doc:"Who made it, of your tenant"`
	Version     int             `json:"version" doc:"The newest" example:"1"`
	Steps       []Step          `json:"steps" nullable:"false" doc:"Of the newest version"`
	Columns     []Column        `json:"columns,omitempty" nullable:"false" doc:"Those that the newest version was made for"`
	Versions    []RecipeVersion `json:"versions" nullable:"false" doc:"The oldest first"`
	CreatedAt   time.Time       `json:"created_at"`
	UpdatedAt   time.Time       `json:"updated_at"`
}

// RecipeVersion is one version of a recipe.
type RecipeVersion struct {
	Number    int       `json:"number" example:"1"`
	Steps     []Step    `json:"steps" nullable:"false"`
	CreatedAt time.Time `json:"created_at"`
}

// RecipeRef names a recipe in a path.
type RecipeRef struct {
	ID string `path:"id" pattern:"^rcp_[0-9a-f]{32}$" patternDescription:"a recipe's identifier, rcp_ and 32 hexadecimal digits" doc:"The recipe's identifier" example:"rcp_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"`
}

// RecipeCode is a recipe as a program.
type RecipeCode struct {
	Format string `json:"format" enum:"python"`
	Code   string `json:"code" doc:"A function transform of a pandas.DataFrame"`
}

// RecipePlan is what steps would do to a data set.
type RecipePlan struct {
	Steps         []PlannedStep  `json:"steps" nullable:"false"`
	Passes        int            `json:"passes" doc:"How often the table is read at most" example:"2"`
	Compatibility *Compatibility `json:"compatibility,omitempty" doc:"How the columns differ from those that the recipe was made for; present for a saved recipe that knows those"`
}

// PlannedStep is one step of a plan.
type PlannedStep struct {
	Step
	Explanation string   `json:"explanation" doc:"What it does, in words"`
	Runs        string   `json:"runs" enum:"streaming,two_pass,in_memory"`
	Rows        string   `json:"rows" enum:"keeps,removes,makes"`
	Reads       []string `json:"reads" nullable:"false" doc:"The columns that it looks at"`
	Writes      []string `json:"writes" nullable:"false" doc:"The columns that it makes, changes or takes away"`
	Columns     []Column `json:"columns" nullable:"false" doc:"The columns after it, as far as they are known without data"`
}

// Compatibility is how the columns of a data set differ from those that a recipe
// was made for.
type Compatibility struct {
	Missing []string `json:"missing" nullable:"false" doc:"Columns that it was made for and that are not there; no step needs them"`
	Retyped []string `json:"retyped" nullable:"false" doc:"Columns that steps look at and that have another type"`
	Unknown []string `json:"unknown" nullable:"false" doc:"Columns that it was not made for and that no step looks at"`
}

// RecipeUse says which steps are applied to what.
type RecipeUse struct {
	DatasetID     string `json:"dataset_id" doc:"The data set"`
	Version       int    `json:"version,omitempty" minimum:"0" doc:"Its version; default: the newest"`
	RecipeID      string `json:"recipe_id,omitempty" doc:"A recipe that was saved, instead of steps"`
	RecipeVersion int    `json:"recipe_version,omitempty" minimum:"0" doc:"Its version; default: the newest"`
	Steps         []Step `json:"steps,omitempty" maxItems:"200" nullable:"false" doc:"The steps, in order"`
}

// RecipePreviewRequest asks for a look at what steps would do.
type RecipePreviewRequest struct {
	RecipeUse
	Limit int `json:"limit,omitempty" minimum:"1" maximum:"1000" doc:"How many rows are shown; default 100"`
}

// RecipePreview is what steps do to a sample.
type RecipePreview struct {
	Label      string        `json:"label" doc:"What rows the counts are of" example:"A sample of 5000 of 1000000 rows, drawn at random. Counts, and what steps learn, are of the sample."`
	SampleRows int64         `json:"sample_rows"`
	RowsTotal  int64         `json:"rows_total"`
	Steps      []StepPreview `json:"steps" nullable:"false"`
	Before     PreviewRows   `json:"before"`
	After      PreviewRows   `json:"after"`
}

// StepPreview is what one step does to the sample.
type StepPreview struct {
	Name           string   `json:"name"`
	Explanation    string   `json:"explanation"`
	RowsBefore     int      `json:"rows_before"`
	RowsAfter      int      `json:"rows_after"`
	CellsChanged   *int     `json:"cells_changed,omitempty" doc:"Values that are others, in columns that were there before; missing when the rows are others"`
	ColumnsAdded   []string `json:"columns_added" nullable:"false"`
	ColumnsRemoved []string `json:"columns_removed" nullable:"false"`
}

// PreviewRows are some rows of a table.
type PreviewRows struct {
	Columns []Column `json:"columns" nullable:"false"`
	Rows    [][]any  `json:"rows" nullable:"false" doc:"Values in the order of the columns"`
}

// Suggestion is a step that would make a table better.
type Suggestion struct {
	Step
	Reason   string  `json:"reason" doc:"Why, from the profile"`
	Affected int64   `json:"affected" doc:"How many values or rows it is about"`
	Effect   float64 `json:"effect" minimum:"0" maximum:"1" doc:"The share of the table's values that it is about; suggestions are ordered by it"`
	Auto     bool    `json:"auto" doc:"Whether the automatic clean-up has it"`
	Order    int     `json:"order" minimum:"0" doc:"Where it goes among steps that are applied together: those with smaller numbers come first, and of those with the same number the one of more effect" example:"5"`
}

// Suggestions are steps for a data set.
type Suggestions struct {
	Items []Suggestion `json:"items" nullable:"false" doc:"The one of most effect first"`
	Clean []Step       `json:"clean" nullable:"false" doc:"The automatic clean-up, as steps to check, preview and apply"`
}

type recipeOutput struct{ Body Recipe }

type recipeCreated struct {
	Location string `header:"Location" doc:"Where the recipe is" example:"/api/v1/recipes/rcp_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"`
	Replayed string `header:"Idempotency-Replayed" doc:"\"true\" when the Idempotency-Key was seen before and nothing new was made" enum:"true"`
	Body     Recipe
}

type recipesInput struct {
	Paging
	Public bool   `query:"public" doc:"Those that anybody has made public, instead of your tenant's"`
	Tag    string `query:"tag" maxLength:"50" doc:"Those that have this tag. A page may then hold fewer than there is room for, and have a next one all the same"`
}

type recipeCodeInput struct {
	RecipeRef
	Version   int    `query:"version" minimum:"0" doc:"Of the recipe; default: the newest"`
	DatasetID string `query:"dataset_id" pattern:"^ds_[0-9a-f]{32}$" patternDescription:"a data set's identifier, ds_ and 32 hexadecimal digits" doc:"The data set that tells of what types the columns are, which some steps need to know; default: the one that the recipe was saved with" example:"ds_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"`
}

type suggestionInput struct {
	DatasetRef
	Revalidation
	Version int `query:"version" minimum:"0" doc:"Of the data set; default: the newest"`
}

func recipePath(id string) string { return root + "/recipes/" + id }

func (s *server) registerRecipes(recipes Recipes) {
	create := operation(tagRecipes, "POST /recipes", "create-recipe", "Save a recipe", `The steps are checked.`, http.StatusNotFound, http.StatusConflict)
	create.DefaultStatus = http.StatusCreated
	register(s, create, func(ctx context.Context, in *submission[RecipeDraft]) (*recipeCreated, error) {
		r, created, err := recipes.Create(ctx, callerOf(ctx), in.Body.draft(), in.Key)
		if err != nil {
			return nil, err
		}
		out := &recipeCreated{Location: recipePath(r.ID), Body: viewRecipe(ctx, r)}
		if !created {
			out.Replayed = "true"
		}
		return out, nil
	})
	register(s, operation(tagRecipes, "GET /recipes", "list-recipes", "List recipes", `Those that you may see, the newest first.`),
		func(ctx context.Context, in *recipesInput) (*pageOutput[Recipe], error) {
			page, err := recipes.List(ctx, callerOf(ctx), recipe.Filter{Public: in.Public, Tag: in.Tag}, in.Cursor, in.Limit)
			if err != nil {
				return nil, err
			}
			return pageOf(ctx, page.Items, page.Next, func(r *recipe.Recipe) Recipe { return viewRecipe(ctx, r) }), nil
		})
	register(s, operation(tagRecipes, "GET /recipes/{id}", "get-recipe", "Look at a recipe", `Its steps and its versions; as JSON this is also how a recipe is taken elsewhere.`, http.StatusNotFound),
		func(ctx context.Context, in *RecipeRef) (*recipeOutput, error) {
			r, err := recipes.Get(ctx, callerOf(ctx), in.ID)
			if err != nil {
				return nil, err
			}
			return &recipeOutput{Body: viewRecipe(ctx, r)}, nil
		})
	register(s, operation(tagRecipes, "PUT /recipes/{id}", "put-recipe", "Change a recipe", `Steps make a new version; the old ones stay.`, http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *struct {
			RecipeRef
			Body RecipeDraft
		},
		) (*recipeOutput, error) {
			r, err := recipes.Update(ctx, callerOf(ctx), in.ID, in.Body.draft())
			if err != nil {
				return nil, err
			}
			return &recipeOutput{Body: viewRecipe(ctx, r)}, nil
		})
	register(s, operation(tagRecipes, "DELETE /recipes/{id}", "delete-recipe", "Delete a recipe", `Versions of data sets that were made by it stay, with their steps.`, http.StatusNotFound),
		func(ctx context.Context, in *RecipeRef) (*struct{}, error) {
			return nil, recipes.Delete(ctx, callerOf(ctx), in.ID)
		})
	register(s, operation(tagRecipes, "GET /recipes/{id}/python", "export-recipe", "Take a recipe as Python", `A program for pandas that does the same. A recipe with a step that cannot be written so is refused, and the step and the reason are named.`, http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *recipeCodeInput) (*struct{ Body RecipeCode }, error) {
			code, err := recipes.Python(ctx, callerOf(ctx), in.ID, in.Version, in.DatasetID)
			if err != nil {
				return nil, err
			}
			return &struct{ Body RecipeCode }{RecipeCode{Format: "python", Code: code}}, nil
		})
	s.registerRecipeLooks(recipes)
}

// registerRecipeLooks adds what says before what steps would do.
func (s *server) registerRecipeLooks(recipes Recipes) {
	register(s, operation(tagRecipes, "POST /recipes/check", "check-recipe", "Check steps against a data set",
		`Nothing is read or changed: the columns after each step are worked out, and every step is explained in words. A step that cannot be is a problem that names the step, the parameter, the column and the nearest right name.`,
		http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *struct{ Body RecipeUse }) (*struct{ Body RecipePlan }, error) {
			p, err := recipes.Check(ctx, callerOf(ctx), in.Body.use())
			if err != nil {
				return nil, err
			}
			return &struct{ Body RecipePlan }{viewPlan(p)}, nil
		})
	register(s, operation(tagRecipes, "POST /recipes/preview", "preview-recipe", "See what steps would do",
		`Applies the steps to a sample of the rows that is kept with every version, and shows rows before and after.`,
		http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *struct{ Body RecipePreviewRequest }) (*struct{ Body RecipePreview }, error) {
			p, err := recipes.Preview(ctx, callerOf(ctx), in.Body.use(), in.Body.Limit)
			if err != nil {
				return nil, err
			}
			return &struct{ Body RecipePreview }{viewRecipePreview(p)}, nil
		})
	register(s, operation(tagRecipes, "GET /datasets/{id}/suggestions", "suggest-steps", "Suggest steps",
		`Steps that would make the data set better, from its profile, the one of most effect first, and an automatic clean-up as a plan.`,
		http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *suggestionInput) (*answered[Suggestions], error) {
			d, err := s.datasets.Look(ctx, callerOf(ctx).Tenant, in.ID, in.Version)
			if err != nil {
				return nil, err
			}
			return answerOf(ctx, s, s.keyOf(d, answerSuggestions, nil), in.Revalidation, func(ctx context.Context) (Suggestions, error) {
				all, err := recipes.SuggestFor(ctx, d)
				return viewSuggestions(all), err
			})
		})
}

func viewSuggestions(all []recipe.Suggestion) Suggestions {
	v := Suggestions{Items: []Suggestion{}, Clean: viewSteps(recipe.Clean(all))}
	for _, g := range all {
		v.Items = append(v.Items, Suggestion{
			Step: Step{Name: g.Step.Name, Parameters: g.Step.Parameters}, Reason: g.Reason, Affected: g.Affected, Effect: g.Effect, Auto: g.Auto, Order: g.Order,
		})
	}
	return v
}

func (d RecipeDraft) draft() recipe.Draft {
	return recipe.Draft{
		Name: d.Name, Description: d.Description, Tags: d.Tags, Visibility: recipe.Visibility(d.Visibility), Steps: stepsOf(d.Steps), DatasetID: d.DatasetID,
	}
}

func (u RecipeUse) use() recipe.Use {
	return recipe.Use{DatasetID: u.DatasetID, Version: u.Version, RecipeID: u.RecipeID, RecipeVersion: u.RecipeVersion, Steps: stepsOf(u.Steps)}
}

func stepsOf(steps []Step) []recipe.Step {
	out := make([]recipe.Step, len(steps))
	for i, s := range steps {
		out[i] = recipe.Step{Name: s.Name, Parameters: s.Parameters}
	}
	return out
}

func viewSteps(steps []recipe.Step) []Step {
	out := make([]Step, len(steps))
	for i, s := range steps {
		out[i] = Step{Name: s.Name, Parameters: s.Parameters}
	}
	return out
}

// names returns a list that is not null.
func names(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func viewRecipe(ctx context.Context, r *recipe.Recipe) Recipe {
	latest := r.Latest()
	v := Recipe{
		ID: r.ID, Name: r.Name, Description: r.Description, Tags: names(r.Tags), Visibility: string(r.Visibility), Mine: r.Tenant == callerOf(ctx).Tenant,
		Version: latest.Number, Steps: viewSteps(latest.Steps), Columns: viewColumns(latest.Schema), CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
		Versions: make([]RecipeVersion, 0, len(r.Versions)),
	}
	if v.Mine {
		v.User = r.User // of another tenant nobody is named
	} else {
		v.Columns = nil
	}
	for i := range r.Versions {
		v.Versions = append(v.Versions, RecipeVersion{Number: r.Versions[i].Number, Steps: viewSteps(r.Versions[i].Steps), CreatedAt: r.Versions[i].CreatedAt.UTC()})
	}
	return v
}

func viewPlan(p *recipe.Plan) RecipePlan {
	v := RecipePlan{Passes: p.Reads, Steps: make([]PlannedStep, 0, len(p.Steps))}
	for _, s := range p.Steps {
		v.Steps = append(v.Steps, PlannedStep{
			Step: Step{Name: s.Spec.Name, Parameters: s.Spec.Parameters}, Explanation: s.Explanation,
			Runs: string(s.Operation.Runs), Rows: string(s.Operation.Rows), Reads: names(s.Reads), Writes: names(s.Writes), Columns: viewColumns(recipe.Table(s.After)),
		})
	}
	if c := p.Report; c != nil {
		v.Compatibility = &Compatibility{Missing: names(c.Missing), Retyped: names(c.Retyped), Unknown: names(c.Unused)}
	}
	return v
}

func viewRecipePreview(p *recipe.Preview) RecipePreview {
	v := RecipePreview{Label: p.Label(), SampleRows: p.SampleRows, RowsTotal: p.RowsTotal, Before: viewRows(p.Before), After: viewRows(p.After)}
	for _, s := range p.Steps {
		step := StepPreview{
			Name: s.Name, Explanation: s.Explanation, RowsBefore: s.RowsBefore, RowsAfter: s.RowsAfter,
			ColumnsAdded: names(s.ColumnsAdded), ColumnsRemoved: names(s.ColumnsRemoved),
		}
		if s.CellsChanged >= 0 {
			step.CellsChanged = &s.CellsChanged
		}
		v.Steps = append(v.Steps, step)
	}
	return v
}

func viewRows(r *recipe.Rows) PreviewRows {
	v := PreviewRows{Columns: viewColumns(r.Schema), Rows: make([][]any, 0, len(r.Values))}
	for _, row := range r.Values {
		cells := make([]any, len(row))
		for i, cell := range row {
			cells[i] = viewCell(cell)
		}
		v.Rows = append(v.Rows, cells)
	}
	return v
}
