package httpapi

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// alive answers whether the process lives; it touches nothing.
func alive(c echo.Context) error {
	return c.JSONBlob(http.StatusOK, []byte(`{"status":"ok"}`))
}

// readiness answers whether the process can work.
func readiness(ready Ready) echo.HandlerFunc {
	return func(c echo.Context) error {
		report, status := ready(c.Request().Context())
		code := http.StatusOK
		if status == StatusUnavailable {
			code = http.StatusServiceUnavailable
			c.Response().Header().Set("Retry-After", "5")
		}
		return c.JSONBlob(code, encode(report))
	}
}

// Liveness is the answer of /health.
type Liveness struct {
	Status string `json:"status" enum:"ok"`
}

// Readiness is the form of the answer of /health/ready.
type Readiness struct {
	Status string           `json:"status" enum:"ok,degraded,unavailable" doc:"degraded: works, but a part that it can do without is away"`
	Checks map[string]Check `json:"checks" doc:"By part: store, s3, redis, llm …"`
}

// Check is what was found out about one part.
type Check struct {
	Status    string   `json:"status" doc:"ok, unavailable or not_configured" example:"ok"`
	LatencyMS float64  `json:"latency_ms" doc:"How long the answer took" example:"1.7"`
	Breaker   string   `json:"breaker,omitempty" enum:"closed,half_open,open" doc:"The circuit breaker of calls to it: an open one refuses them, a half-open one lets a few through to find out"`
	Error     string   `json:"error,omitempty" doc:"Why it is not ok"`
	_         struct{} `additionalProperties:"true"`
}
