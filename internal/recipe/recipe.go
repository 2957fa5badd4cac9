package recipe

import (
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Visibility says who sees a recipe beside the one who made it.
type Visibility string

// The visibilities. Only the tenant that made a recipe changes it.
const (
	Private Visibility = "private" // nobody
	Shared  Visibility = "tenant"  // everybody of the tenant
	Public  Visibility = "public"  // every tenant
)

// Recipe is the record of a recipe.
type Recipe struct {
	store.Meta
	Tenant         string     `json:"tenant"`
	User           string     `json:"user"`
	Name           string     `json:"name"`
	Description    string     `json:"description,omitempty"`
	Tags           []string   `json:"tags,omitempty"`
	Visibility     Visibility `json:"visibility"`
	IdempotencyKey string     `json:"idempotency_key"`
	Versions       []Version  `json:"versions"` // the oldest first
	CreatedAt      time.Time  `json:"created_at"`
	UpdatedAt      time.Time  `json:"updated_at"`
	Deleted        bool       `json:"deleted,omitempty"`
}

// Version is the steps of a recipe as they were saved once. It never changes.
type Version struct {
	Number    int               `json:"number"` // from 1
	Steps     []preprocess.Spec `json:"steps"`
	Schema    tabular.Schema    `json:"schema,omitempty"`     // the columns that it was made for
	DatasetID string            `json:"dataset_id,omitempty"` // whose columns those are
	User      string            `json:"user"`
	CreatedAt time.Time         `json:"created_at"`
}

// MaxVersions is how many versions of a recipe are kept; the oldest go first.
const MaxVersions = 50

// Latest returns the newest version.
func (r *Recipe) Latest() *Version { return &r.Versions[len(r.Versions)-1] }

// version returns the version of that number, the newest for 0.
func (r *Recipe) version(number int) (*Version, bool) {
	if number == 0 {
		return r.Latest(), true
	}
	for i := range r.Versions {
		if r.Versions[i].Number == number {
			return &r.Versions[i], true
		}
	}
	return nil, false
}

// published returns the version as other tenants may know it: of the table that it
// was made for the columns that its steps name.
func (v *Version) published() *Version {
	out := *v
	out.DatasetID = ""
	named := map[string]bool{}
	for _, s := range v.Steps {
		for _, p := range s.Parameters {
			name(named, p)
		}
	}
	out.Schema = slices.DeleteFunc(slices.Clone(v.Schema), func(f tabular.Field) bool { return !named[f.Name] })
	return &out
}

// name notes the texts of a parameter.
func name(named map[string]bool, parameter any) {
	switch v := parameter.(type) {
	case string:
		named[v] = true
	case []any:
		for _, item := range v {
			name(named, item)
		}
	case map[string]any:
		for k, item := range v {
			named[k] = true
			name(named, item)
		}
	default:
	}
}

const (
	indexTenant = "tenant"
	indexPublic = "public"
	indexKey    = "key"
)

// Collections declares what the package keeps in the store.
func Collections() []store.Collection { return []store.Collection{collection()} }

func collection() store.Collection {
	return store.Collection{Name: "recipes", Indexes: []store.Index{
		{Name: indexTenant, Fields: []store.IndexField{
			{Name: "tenant", Type: store.String},
			{Name: "deleted", Type: store.Int},
			{Name: "created_at", Type: store.Int},
		}},
		{Name: indexPublic, Fields: []store.IndexField{
			{Name: "public", Type: store.Int},
			{Name: "created_at", Type: store.Int},
		}},
		{Name: indexKey, Unique: true, Fields: []store.IndexField{
			{Name: "tenant", Type: store.String},
			{Name: "idempotency_key", Type: store.String},
		}},
	}}
}

// Keys implements store.Entity.
func (r *Recipe) Keys() map[string]any {
	deleted, public := int64(0), int64(0)
	if r.Deleted {
		deleted = 1
	}
	if r.Visibility == Public && !r.Deleted {
		public = 1
	}
	return map[string]any{
		"tenant": r.Tenant, "deleted": deleted, "public": public, "created_at": r.CreatedAt.UnixMicro(), "idempotency_key": r.IdempotencyKey,
	}
}

// visible reports whether somebody may see the recipe.
func (r *Recipe) visible(tenant, user string) bool {
	switch {
	case r.Deleted:
		return false
	case r.Visibility == Public:
		return true
	case r.Tenant != tenant:
		return false
	default:
		return r.Visibility == Shared || r.User == user
	}
}

// Step is one step of a recipe.
type Step = preprocess.Spec

// Operation is an entry of the vocabulary.
type Operation = preprocess.Operation

// Vocabulary returns every transformation that there is.
func Vocabulary() []Operation { return preprocess.Vocabulary() }
