package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Step is one step of a recipe.
type Step struct {
	Name       string         `json:"name"`
	Parameters map[string]any `json:"parameters,omitempty"`
}

// RecipeDraft is what is saved as a recipe.
type RecipeDraft struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	Visibility  string   `json:"visibility,omitempty"`
	Steps       []Step   `json:"steps,omitempty"` // a change without steps keeps those there are
	DatasetID   string   `json:"dataset_id,omitempty"`
}

// Recipe is a recipe.
type Recipe struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Tags        []string  `json:"tags"`
	Visibility  string    `json:"visibility"`
	Mine        bool      `json:"mine"`
	Version     int       `json:"version"`
	Steps       []Step    `json:"steps"`
	CreatedAt   time.Time `json:"created_at"`
}

// RecipeUse says which steps are applied to what.
type RecipeUse struct {
	DatasetID     string `json:"dataset_id"`
	Version       int    `json:"version,omitempty"`
	RecipeID      string `json:"recipe_id,omitempty"`
	RecipeVersion int    `json:"recipe_version,omitempty"`
	Steps         []Step `json:"steps,omitempty"`
}

// TransformRequest asks for a transform job.
type TransformRequest struct {
	RecipeUse
	Reproduce int `json:"reproduce,omitempty"`
	Limits
	After    []string `json:"after,omitempty"`
	Priority *int     `json:"priority,omitempty"`
}

// Transformed is the result of a transform job.
type Transformed struct {
	DatasetID string `json:"dataset_id"`
	Rows      int64  `json:"rows"`
	Columns   int    `json:"columns"`
	Hash      string `json:"hash"`
}

// RecipePlan is what steps would do.
type RecipePlan struct {
	Steps []struct {
		Step
		Explanation string   `json:"explanation"`
		Runs        string   `json:"runs"`
		Writes      []string `json:"writes"`
	} `json:"steps"`
	Passes int `json:"passes"`
	// Compatibility is how the columns differ from those that a saved recipe was
	// made for.
	Compatibility *struct {
		Missing []string `json:"missing"`
		Retyped []string `json:"retyped"`
		Unknown []string `json:"unknown"`
	} `json:"compatibility"`

	whole whole
}

// RecipePreview is what steps do to a sample.
type RecipePreview struct {
	Label string `json:"label"`
	Steps []struct {
		Name         string `json:"name"`
		RowsBefore   int    `json:"rows_before"`
		RowsAfter    int    `json:"rows_after"`
		CellsChanged *int   `json:"cells_changed"`
	} `json:"steps"`
	Before PreviewRows `json:"before"`
	After  PreviewRows `json:"after"`

	whole whole
}

// PreviewRows are some rows of a table. Numbers are json.Number, as they were sent.
type PreviewRows struct {
	Columns []struct {
		Name string `json:"name"`
	} `json:"columns"`
	Rows [][]any `json:"rows"`
}

// Suggestions are steps for a data set.
type Suggestions struct {
	Items []struct {
		Step
		Reason string  `json:"reason"`
		Effect float64 `json:"effect"`
		Auto   bool    `json:"auto"`
	} `json:"items"`
	Clean []Step `json:"clean"`

	whole whole
}

// DatasetVersion is one version of a data set.
type DatasetVersion struct {
	Number    int       `json:"number"`
	Hash      string    `json:"hash"`
	Parent    int       `json:"parent"`
	Steps     []Step    `json:"steps"`
	Rows      int64     `json:"rows"`
	Before    *float64  `json:"quality_before"`
	After     *float64  `json:"quality_after"`
	JobID     string    `json:"job_id"`
	CreatedAt time.Time `json:"created_at"`
	Pinned    bool      `json:"pinned"`
	Gone      bool      `json:"gone"`
	Sealed    bool      `json:"sealed"`
	Erased    bool      `json:"erased"`

	whole whole
}

// VersionComparison is how two versions differ.
type VersionComparison struct {
	Same    bool     `json:"same"`
	Rows    int64    `json:"rows"`
	Added   []string `json:"columns_added"`
	Removed []string `json:"columns_removed"`
	Retyped []string `json:"columns_retyped"`
	Changed []struct {
		Name string        `json:"name"`
		From ColumnSummary `json:"from"`
		To   ColumnSummary `json:"to"`
	} `json:"columns_changed"`
	QualityFrom *float64 `json:"quality_from"`
	QualityTo   *float64 `json:"quality_to"`

	whole whole
}

// ColumnSummary is the short of what a profile says of a column.
type ColumnSummary struct {
	Type     string   `json:"type"`
	Missing  int64    `json:"missing"`
	Distinct int64    `json:"distinct"`
	Mean     *float64 `json:"mean"`
	Std      *float64 `json:"std"`
}

// CreateRecipe saves a recipe.
func (c *Client) CreateRecipe(ctx context.Context, d RecipeDraft, key string) (*Recipe, error) {
	r := new(Recipe)
	return r, c.post(ctx, "recipes", d, key, r)
}

// Recipe returns a recipe, as it is and decoded.
func (c *Client) Recipe(ctx context.Context, id string) (json.RawMessage, *Recipe, error) {
	var raw json.RawMessage
	r := new(Recipe)
	if err := c.get(ctx, "recipes/"+url.PathEscape(id), nil, &raw); err != nil {
		return nil, nil, err
	}
	return raw, r, json.Unmarshal(raw, r)
}

// Recipes returns a page of recipes: those of the caller's tenant, or the public
// ones.
func (c *Client) Recipes(ctx context.Context, public bool, tag, cursor string, limit int) (Page[*Recipe], error) {
	q := paging(cursor, limit)
	if public {
		q.Set("public", "true")
	}
	if tag != "" {
		q.Set("tag", tag)
	}
	var p Page[*Recipe]
	err := c.get(ctx, "recipes", q, &p)
	return p, err
}

// UpdateRecipe changes a recipe; steps make a new version.
func (c *Client) UpdateRecipe(ctx context.Context, id string, d RecipeDraft) (*Recipe, error) {
	r := new(Recipe)
	return r, c.write(ctx, http.MethodPut, "recipes/"+url.PathEscape(id), d, "", r)
}

// DeleteRecipe deletes a recipe.
func (c *Client) DeleteRecipe(ctx context.Context, id string) error {
	resp, err := c.do(ctx, call{method: http.MethodDelete, path: "recipes/" + url.PathEscape(id)})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// RecipePython returns a recipe as a program for pandas; dataset, which may be
// empty, tells of what types the columns are.
func (c *Client) RecipePython(ctx context.Context, id string, version int, dataset string) (string, error) {
	var answer struct {
		Code string `json:"code"`
	}
	q := url.Values{}
	if version > 0 {
		q.Set("version", strconv.Itoa(version))
	}
	if dataset != "" {
		q.Set("dataset_id", dataset)
	}
	err := c.get(ctx, "recipes/"+url.PathEscape(id)+"/python", q, &answer)
	return answer.Code, err
}

// CheckRecipe says what steps would do to a data set.
func (c *Client) CheckRecipe(ctx context.Context, u RecipeUse) (*RecipePlan, error) {
	p := new(RecipePlan)
	return p, c.post(ctx, "recipes/check", u, "", p)
}

// PreviewRecipe applies steps to the sample of a data set.
func (c *Client) PreviewRecipe(ctx context.Context, u RecipeUse) (*RecipePreview, error) {
	p := new(RecipePreview)
	return p, c.post(ctx, "recipes/preview", u, "", p)
}

// Suggest suggests steps for a data set.
func (c *Client) Suggest(ctx context.Context, id string) (*Suggestions, error) {
	s := new(Suggestions)
	return s, c.get(ctx, "datasets/"+url.PathEscape(id)+"/suggestions", nil, s)
}

// Transform submits a transform job.
func (c *Client) Transform(ctx context.Context, r TransformRequest, key string) (*Job, error) {
	return c.submit(ctx, "transforms", r, key)
}

// Versions returns the versions of a data set, the newest first.
func (c *Client) Versions(ctx context.Context, id string) ([]*DatasetVersion, error) {
	var answer struct {
		Items []*DatasetVersion `json:"items"`
	}
	err := c.get(ctx, "datasets/"+url.PathEscape(id)+"/versions", nil, &answer)
	return answer.Items, err
}

func versionPath(id string, number int) string {
	return "datasets/" + url.PathEscape(id) + "/versions/" + strconv.Itoa(number)
}

// PinVersion keeps the files of a version, or lets them go.
func (c *Client) PinVersion(ctx context.Context, id string, number int, pinned bool) (*DatasetVersion, error) {
	v := new(DatasetVersion)
	return v, c.write(ctx, http.MethodPatch, versionPath(id, number), map[string]bool{"pinned": pinned}, "", v)
}

// CompareVersions compares two versions.
func (c *Client) CompareVersions(ctx context.Context, id string, from, to int) (*VersionComparison, error) {
	v := new(VersionComparison)
	return v, c.get(ctx, versionPath(id, from)+"/comparison", url.Values{"with": {strconv.Itoa(to)}}, v)
}
