package sample

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

//go:embed reference/reference.json
var referenceJSON []byte

// Reference is what scikit-learn reached on the held-out rows of a bundled
// table; see reference/reference.py.
type Reference struct {
	Table               string             `json:"table"`
	Target              string             `json:"target"`
	PositiveClass       string             `json:"positive_class"`
	TrainRows           int                `json:"train_rows"`
	HoldoutRows         int                `json:"holdout_rows"`
	HoldoutPositiveRows int                `json:"holdout_positive_rows"`
	HoldoutSHA256       string             `json:"holdout_sha256"`
	ScikitLearn         string             `json:"scikit_learn"`
	HoldoutROCAUC       map[string]float64 `json:"holdout_roc_auc"` // by model
}

// ReadReference returns the committed figures.
func ReadReference() (Reference, error) {
	var r Reference
	if err := json.Unmarshal(referenceJSON, &r); err != nil {
		return Reference{}, fmt.Errorf("read the reference: %w", err)
	}
	return r, nil
}

// Best returns the better model and its area under the ROC curve.
func (r Reference) Best() (name string, auc float64) {
	for n, v := range r.HoldoutROCAUC {
		if name == "" || v > auc || v == auc && n < name {
			name, auc = n, v
		}
	}
	return name, auc
}

// Holds reports whether the rows, counted from 0 and ascending, are those that
// the reference was measured on.
func (r Reference) Holds(rows []int) bool {
	var b strings.Builder
	for _, row := range rows {
		b.WriteString(strconv.Itoa(row+1) + "\n")
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:]) == r.HoldoutSHA256
}
