package config

import (
	"runtime"
	"time"

	"github.com/narrativeml/narrative/internal/secret"
)

// Mode says how strict a process is.
type Mode string

// The modes.
const (
	Production  Mode = "production"
	Development Mode = "development" // one user, no tokens; for one machine only
)

// Role is the process that a configuration is for; it decides which settings
// must be given.
type Role string

// The roles.
const (
	RoleAPI       Role = "api"
	RoleWorker    Role = "worker"
	RoleScheduler Role = "scheduler"
	RoleDev       Role = "dev"   // all three and embedded parts in one process
	RoleParts     Role = "parts" // the embedded parts alone
)

// Config is every setting of every process.
type Config struct {
	Mode      Mode
	API       API
	Ops       Ops
	Worker    Worker
	Scheduler Scheduler
	Store     Store
	Redis     Redis
	Cache     Cache
	S3        S3
	Auth      Auth
	LLM       LLM
	Limits    Limits
	Import    Import
	Retention Retention
	PII       PII
	Logging   Logging
	Dev       Dev

	role    Role
	origins map[string]string // path of a setting → where its value came from
}

// API is the process that accepts requests.
type API struct {
	Addr         string   // host:port to listen on
	CORSOrigins  []string // scheme://host[:port] of front ends
	DrainTimeout time.Duration
}

// Ops is where worker and scheduler answer for metrics and health.
type Ops struct {
	Addr string
}

// Worker is the process that runs jobs.
type Worker struct {
	Pools        map[string]int // name → slots
	Threads      int            // for numeric work in one job; 0: one for each core
	FoldRows     int            // from which on the fits of a cross-validation are jobs of their own; 0: only when asked
	ShardRows    int            // of a part of a prediction that is divided by itself; 0: none is
	Memory       int64          // bytes for all jobs together; 0: not known, and no limit
	Isolation    Isolation
	Heartbeat    time.Duration
	DrainTimeout time.Duration
	Patience     time.Duration // for which a job waits for a part that is away
	Upgrade      time.Duration // for which a job waits for a worker that knows its kind and version
}

// Isolation is where heavy jobs run.
type Isolation string

// The isolations.
const (
	IsolationProcess Isolation = "process" // each in a process of its own
	IsolationNone    Isolation = "none"    // in the worker
)

// Scheduler is the process that looks after the rest.
type Scheduler struct {
	DeadAfter     time.Duration // silence after which a running job is revived
	RelayInterval time.Duration // how often waiting jobs are handed over
	Lease         time.Duration // of the leader
	CleanupCron   string
	HealthCron    string
}

// Store is where the records are.
type Store struct {
	URI      secret.String // mongodb:// or mongodb+srv://
	Database string
}

// Redis is where deliveries are.
type Redis struct {
	URL       secret.String // redis://, rediss:// or unix://
	Completed time.Duration // how long completed tasks stay visible
}

// Cache is where the API keeps answers that are made of a version of a data set.
type Cache struct {
	URL        secret.String // of a Redis for it alone; empty: that of the queue
	Bytes      int64         // of all answers together; 0: none is kept
	EntryBytes int64         // above which an answer is not kept
	TTL        time.Duration // how long an answer is kept
	Timeout    time.Duration // of one call
}

// S3 is where the files are.
type S3 struct {
	Endpoint        string // URL; empty: that of AWS
	PublicEndpoint  string // URL that clients can reach; empty: Endpoint
	Region          string
	Bucket          string
	AccessKeyID     string
	SecretAccessKey secret.String
	PathStyle       bool
	PresignTTL      time.Duration // how long a download link is good
	UploadTTL       time.Duration // how long an address is good to which a client sends a part of a file
	PartSize        int64         // bytes of the parts of a large file; 0: few at first, more when there are many
}

// Auth is who may ask.
type Auth struct {
	Secrets  []secret.String // the first signs nothing here; any may have signed a token
	Audience string          // required claim aud; empty: not checked
	Issuer   string          // required claim iss; empty: not checked
}

// LLM is an OpenAI-compatible endpoint. It is optional.
type LLM struct {
	URL    string
	APIKey secret.String
}

// Limits are the sizes above which a request is refused.
type Limits struct {
	UploadBytes  int64 // of one uploaded file
	BodyBytes    int64 // of any other request body
	PayloadBytes int64 // of a job's payload
	Columns      int   // of a table
	FieldBytes   int64 // of one field of a table
	StepBytes    int64 // that a step of a recipe may hold of a table

	TenantRunning int // jobs of a tenant at a time, where operators have not set another number; 0: no limit
	TenantRate    int // jobs of a tenant that are started in a minute, likewise
	TenantWaiting int // jobs of a tenant that wait, likewise
	TenantUploads int // unfinished resumable uploads of a tenant
}

// Import is what may be imported from elsewhere.
type Import struct {
	AllowHosts     []string // names, or *.example.com; empty: every host
	AllowAddresses []string // networks that may be connected to beside public addresses
	Ports          []string
	HTTP           bool     // without TLS, too
	S3Buckets      []string // bucket/prefix/, with {tenant} where the tenant's name stands
}

// PII is what is done about personal data.
type PII struct {
	Policy     string        // of columns for which nobody has set another: warn, confirm, mask, hash or drop
	HashSecret secret.String // the keys of tenants are derived from it; may be empty
}

// Retention is how long things are kept. Zero: until they are deleted.
type Retention struct {
	Uploads    time.Duration // data sets
	Unfinished time.Duration // resumable uploads for which nothing arrives
	Models     time.Duration
	Results    time.Duration // files of prediction jobs
	Jobs       time.Duration // records and log lines of finished jobs
	Health     time.Duration // what sweeps found out about the parts
	Audit      time.Duration // records of who saw personal data
	Temporary  time.Duration
	Grace      time.Duration // between marking and deleting
	Versions   int           // of a data set, the newest, whose tables are kept
}

// Logging is what the processes write to standard error.
type Logging struct {
	Level  string // debug, info, warn or error
	Format string // json or text
}

// Dev is what only `narrative dev` and `narrative parts` need.
type Dev struct {
	DataDir string // everything the embedded parts keep
}

// Default returns the settings of the role before anything was read. It is
// complete for RoleDev and RoleParts; the others need to be told where their
// parts are.
func Default(role Role) Config {
	c := Config{
		Mode: Production,
		API:  API{Addr: "127.0.0.1:8080", DrainTimeout: 20 * time.Second},
		Ops:  Ops{Addr: "127.0.0.1:8081"},
		Worker: Worker{
			Pools:        map[string]int{"data": 2, "training": 1, "batch": 2, "maintenance": 1},
			ShardRows:    5_000_000,
			Isolation:    isolation(runtime.GOOS),
			Heartbeat:    3 * time.Second,
			DrainTimeout: 30 * time.Second,
			Patience:     7 * day,
			Upgrade:      day,
		},
		Scheduler: Scheduler{
			DeadAfter:     15 * time.Second,
			RelayInterval: 250 * time.Millisecond,
			Lease:         10 * time.Second,
			CleanupCron:   "17 * * * *",
			HealthCron:    "* * * * *",
		},
		Store: Store{Database: "narrative"},
		Redis: Redis{Completed: time.Hour},
		Cache: Cache{Bytes: 64 << 20, EntryBytes: 4 << 20, TTL: time.Hour, Timeout: 100 * time.Millisecond},
		S3:    S3{Region: "us-east-1", Bucket: "narrative", PresignTTL: 15 * time.Minute, UploadTTL: 15 * time.Minute},
		Limits: Limits{
			UploadBytes: 100 << 30, BodyBytes: 1 << 20, PayloadBytes: 512 << 10,
			Columns: 10_000, FieldBytes: 1 << 20, StepBytes: 256 << 20, TenantWaiting: 1_000_000, TenantUploads: 100,
		},
		Import: Import{Ports: []string{"443"}},
		Retention: Retention{
			Uploads: 90 * day, Unfinished: day, Models: 365 * day, Results: 30 * day, Jobs: 365 * day,
			Health: 30 * day, Audit: 365 * day, Temporary: day, Grace: day, Versions: 10,
		},
		PII:     PII{Policy: "warn"},
		Logging: Logging{Level: "info", Format: "json"},
		Dev:     Dev{DataDir: "data"},
		role:    role,
	}
	switch role {
	case RoleScheduler:
		c.Ops.Addr = "127.0.0.1:8082"
	case RoleDev, RoleParts:
		c.Mode = Development
		c.Logging.Format = "text"
	case RoleAPI, RoleWorker:
	}
	return c
}

const day = 24 * time.Hour

// Role returns the process that the configuration was loaded for.
func (c Config) Role() Role { return c.role }

// Embedded reports whether the process brings a part of its own for every one
// whose address was not given.
func (c Config) Embedded() bool { return c.role == RoleDev || c.role == RoleParts }
