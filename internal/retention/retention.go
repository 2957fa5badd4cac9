package retention

// Request asks for a clean-up.
type Request struct {
	DryRun bool `json:"dry_run,omitempty" doc:"Only list what would go"`
}
