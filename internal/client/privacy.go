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
}

// PrivateColumn is a column of personal data.
type PrivateColumn struct {
	Column     string  `json:"column"`
	Type       string  `json:"type"`
	Confidence float64 `json:"confidence"`
	Risk       string  `json:"risk"`
	Policy     string  `json:"policy"`
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
