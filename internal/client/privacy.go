package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Privacy is what is known about the personal data of a data set.
type Privacy struct {
	DatasetID string          `json:"dataset_id"`
	Version   int             `json:"version"`
	Scanned   bool            `json:"scanned"`
	State     string          `json:"state"`
	Risk      string          `json:"risk"`
	Columns   []PrivateColumn `json:"columns"`
	JobID     string          `json:"job_id,omitempty"`        // that applies policies
	Sealed    int             `json:"sealed_before,omitempty"` // the version that policies have made
	Erased    int             `json:"erased_before,omitempty"`
}

// PrivateColumn is a column of personal data.
type PrivateColumn struct {
	Column     string  `json:"column"`
	Type       string  `json:"type"`
	Confidence float64 `json:"confidence"`
	Risk       string  `json:"risk"`
	Policy     string  `json:"policy"`
	Applied    bool    `json:"applied,omitempty"`
	Evidence   struct {
		Matched  int64  `json:"matched"`
		LookedAt int64  `json:"looked_at"`
		Check    string `json:"check,omitempty"`
		Name     string `json:"name,omitempty"`
	} `json:"evidence"`
}

// PolicyChange sets what is done about a column.
type PolicyChange struct {
	Column string `json:"column"`
	Policy string `json:"policy"`
}

// Access is the record that somebody saw personal data, or changed who does.
type Access struct {
	ID        string    `json:"id"`
	At        time.Time `json:"at"`
	User      string    `json:"user"`
	DatasetID string    `json:"dataset_id"`
	Version   int       `json:"version"`
	Action    string    `json:"action"`
	Details   []string  `json:"details"`
}

func privacyPath(id string) string { return "datasets/" + url.PathEscape(id) + "/pii" }

// Privacy returns which columns of the data set hold personal data.
func (c *Client) Privacy(ctx context.Context, id string) (*Privacy, error) {
	p := new(Privacy)
	return p, c.get(ctx, privacyPath(id), nil, p)
}

// SetPolicies sets what is done about columns.
func (c *Client) SetPolicies(ctx context.Context, id string, changes []PolicyChange) (*Privacy, error) {
	p := new(Privacy)
	return p, c.write(ctx, http.MethodPatch, privacyPath(id), map[string]any{"columns": changes}, "", p)
}

// ConfirmPrivacy confirms the personal data of a data set.
func (c *Client) ConfirmPrivacy(ctx context.Context, id string) (*Privacy, error) {
	p := new(Privacy)
	return p, c.post(ctx, privacyPath(id)+"/confirm", nil, "", p)
}

// ApplyPrivacy applies the policies of a data set that were not applied; the answer
// names the job, if there is something to do.
func (c *Client) ApplyPrivacy(ctx context.Context, id string) (*Privacy, error) {
	p := new(Privacy)
	return p, c.post(ctx, privacyPath(id)+"/apply", nil, "", p)
}

// ErasePrivacy gives up what policies have sealed.
func (c *Client) ErasePrivacy(ctx context.Context, id string) (*Privacy, error) {
	p := new(Privacy)
	return p, c.post(ctx, privacyPath(id)+"/erase", nil, "", p)
}

// PrivacySettings is what a tenant sets about personal data.
type PrivacySettings struct {
	Default string            `json:"default,omitempty"`
	Kinds   map[string]string `json:"kinds,omitempty"`
	Remains string            `json:"remains,omitempty"`
}

// PrivacyRules is what holds for a tenant.
type PrivacyRules struct {
	PrivacySettings
	Configured string    `json:"configured"`
	UpdatedAt  time.Time `json:"updated_at,omitzero"`
	UpdatedBy  string    `json:"updated_by,omitempty"`
}

// ChangePrivacyRules changes what is set for the tenant; again when somebody else was
// faster. A change of nil only looks.
func (c *Client) ChangePrivacyRules(ctx context.Context, change func(*PrivacySettings)) (*PrivacyRules, error) {
	return replace(ctx, c, "pii/policy", func(r *PrivacyRules) any {
		if change == nil {
			return nil
		}
		change(&r.PrivacySettings)
		return r.PrivacySettings
	})
}

// Audit returns a page of who saw personal data, of one data set or of all.
func (c *Client) Audit(ctx context.Context, datasetID, cursor string, limit int) (Page[*Access], error) {
	q := paging(cursor, limit)
	if datasetID != "" {
		q.Set("dataset_id", datasetID)
	}
	var p Page[*Access]
	err := c.get(ctx, "audit", q, &p)
	return p, err
}
