package config

import (
	"strings"
	"time"
)

// setting declares one setting.
type setting struct {
	path   string   // in the file: "s3.bucket"
	env    []string // variables; all that are set are joined by commas
	flag   string   // without the dashes
	doc    string   // one sentence for the documentation
	secret bool
	value  value
	check  func() string         // what is wrong with the value by itself; nil: any is fine
	needed func(Role, Mode) bool // whether it must not be empty; nil: never
	lack   string                // what to say when it is needed and empty
}

// settings binds every setting to its field of c.
func settings(c *Config) []setting {
	var all []setting
	for _, section := range [][]setting{
		processSettings(c), partSettings(c), cacheSettings(c), authSettings(c), limitSettings(c), importSettings(c),
	} {
		all = append(all, section...)
	}
	for i := range all {
		if all[i].flag == "" {
			all[i].flag = strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(all[i].env[0], prefix)), "_", "-")
		}
	}
	return all
}

// prefix begins every variable that is ours alone.
const prefix = "NARRATIVE_"

func variable(name string) []string { return []string{prefix + name} }

func processSettings(c *Config) []setting {
	return []setting{
		{path: "mode", env: variable("MODE"), doc: "production, or development: one user and no tokens, on loopback only.", value: text(&c.Mode), check: func() string { return oneOf(string(c.Mode), string(Production), string(Development)) }},
		{path: "api.addr", env: variable("HTTP_ADDR"), doc: "Where the API listens.", value: text(&c.API.Addr), check: func() string { return address(c.API.Addr) }},
		{path: "api.cors_origins", env: variable("CORS_ORIGINS"), doc: "Origins of front ends that may call the API.", value: texts(&c.API.CORSOrigins), check: func() string { return origins(c.API.CORSOrigins) }},
		{path: "api.drain_timeout", env: variable("API_DRAIN_TIMEOUT"), doc: "How long the API lets requests end after SIGTERM.", value: period(&c.API.DrainTimeout), check: func() string { return between(c.API.DrainTimeout, minPeriod, maxPeriod) }},
		{path: "ops.addr", env: variable("OPS_ADDR"), doc: "Where worker and scheduler serve metrics and health (scheduler: port 8082).", value: text(&c.Ops.Addr), check: func() string { return address(c.Ops.Addr) }},
		{path: "worker.pools", env: variable("POOLS"), flag: "pool", doc: "Pools that a worker serves and the slots of each.", value: pools(&c.Worker.Pools), check: func() string { return poolNames(c.Worker.Pools) }},
		{path: "worker.threads", env: variable("THREADS"), doc: "Threads of numeric work in one job; 0: one for each core.", value: count(&c.Worker.Threads), check: func() string { return inside(int64(c.Worker.Threads), 0, 4096) }},
		{path: "worker.fold_rows", env: variable("FOLD_ROWS"), doc: "Rows from which on each fit of a training's cross-validation is a job of its own; 0: only where a request asks for it.", value: count(&c.Worker.FoldRows), check: func() string { return inside(int64(c.Worker.FoldRows), 0, 1<<40) }},
		{path: "worker.shard_rows", env: variable("SHARD_ROWS"), doc: "Rows of one part, about, of a prediction that is divided since it has more; 0: none is divided unless it asks for it.", value: count(&c.Worker.ShardRows), check: func() string { return inside(int64(c.Worker.ShardRows), 0, 1<<40) }},
		{path: "worker.memory", env: variable("WORKER_MEMORY"), doc: "Memory for all jobs of a worker together; 0: three quarters of what its machine or its control group has.", value: size(&c.Worker.Memory), check: func() string { return memoryBudget(c.Worker.Memory) }},
		{path: "worker.isolation", env: variable("WORKER_ISOLATION"), doc: "process: trainings and ingests run in processes of their own, are held to their memory and die alone (Linux); none: in the worker.", value: text(&c.Worker.Isolation), check: func() string {
			return oneOf(string(c.Worker.Isolation), string(IsolationProcess), string(IsolationNone))
		}},
		{path: "worker.heartbeat", env: variable("HEARTBEAT"), doc: "How often a running job says that it lives.", value: period(&c.Worker.Heartbeat), check: func() string { return between(c.Worker.Heartbeat, minPeriod, maxPeriod) }},
		{path: "worker.drain_timeout", env: variable("DRAIN_TIMEOUT"), doc: "How long a worker lets jobs reach a checkpoint after SIGTERM.", value: period(&c.Worker.DrainTimeout), check: func() string { return between(c.Worker.DrainTimeout, minPeriod, maxPeriod) }},
		{path: "worker.outage_patience", env: variable("OUTAGE_PATIENCE"), doc: "How long a job waits for a part that is away, such as S3, before it is given up.", value: period(&c.Worker.Patience), check: func() string { return between(c.Worker.Patience, time.Second, maxKept) }},
		{path: "worker.upgrade_patience", env: variable("UPGRADE_PATIENCE"), doc: "How long a job that is too new for the workers waits for one that knows its kind and version, before it is given up.", value: period(&c.Worker.Upgrade), check: func() string { return between(c.Worker.Upgrade, time.Second, maxKept) }},
		{path: "scheduler.dead_after", env: variable("DEAD_AFTER"), doc: "Silence after which a running job is given to another worker; at least three heartbeats.", value: period(&c.Scheduler.DeadAfter), check: func() string { return between(c.Scheduler.DeadAfter, minPeriod, maxPeriod) }},
		{path: "scheduler.relay_interval", env: variable("RELAY_INTERVAL"), doc: "How often jobs that wait in the store are handed to the queue.", value: period(&c.Scheduler.RelayInterval), check: func() string { return between(c.Scheduler.RelayInterval, minPeriod, maxPeriod) }},
		{path: "scheduler.lease", env: variable("LEASE"), doc: "How long the leader leads without renewing.", value: period(&c.Scheduler.Lease), check: func() string { return between(c.Scheduler.Lease, minPeriod, maxPeriod) }},
		{path: "scheduler.cleanup_cron", env: variable("CLEANUP_CRON"), doc: "When the clean-up runs, as a cron expression in UTC.", value: text(&c.Scheduler.CleanupCron), check: func() string { return cronExpression(c.Scheduler.CleanupCron) }},
		{path: "scheduler.health_cron", env: variable("HEALTH_CRON"), doc: "When the health sweep runs, as a cron expression in UTC.", value: text(&c.Scheduler.HealthCron), check: func() string { return cronExpression(c.Scheduler.HealthCron) }},
		{path: "logging.level", env: variable("LOG_LEVEL"), doc: "debug, info, warn or error.", value: text(&c.Logging.Level), check: func() string { return oneOf(c.Logging.Level, "debug", "info", "warn", "error") }},
		{path: "logging.format", env: variable("LOG_FORMAT"), doc: "json or text.", value: text(&c.Logging.Format), check: func() string { return oneOf(c.Logging.Format, "json", "text") }},
		{path: "dev.data_dir", env: variable("DATA_DIR"), doc: "The folder of the embedded parts (dev and parts only).", value: text(&c.Dev.DataDir), check: func() string { return filled(c.Dev.DataDir, "name a folder") }},
	}
}

func partSettings(c *Config) []setting {
	remote := func(r Role, _ Mode) bool { return r == RoleAPI || r == RoleWorker || r == RoleScheduler }
	return []setting{
		{path: "store.uri", env: variable("MONGODB_URI"), flag: noFlag, doc: "MongoDB, mongodb:// or mongodb+srv:// (dev: embedded when empty).", secret: true, value: hidden(&c.Store.URI), check: func() string { return scheme(c.Store.URI.Reveal(), "mongodb", "mongodb+srv") }, needed: remote, lack: "give the address of MongoDB, mongodb://host:27017"},
		{path: "store.database", env: variable("MONGODB_DATABASE"), doc: "The database in MongoDB.", value: text(&c.Store.Database), check: func() string { return databaseName(c.Store.Database) }},
		{path: "redis.url", env: variable("REDIS_URL"), flag: noFlag, doc: "Redis, redis://, rediss:// or unix:// (dev: embedded when empty).", secret: true, value: hidden(&c.Redis.URL), check: func() string { return scheme(c.Redis.URL.Reveal(), "redis", "rediss", "unix") }, needed: remote, lack: "give the address of Redis, redis://host:6379"},
		{path: "redis.completed", env: variable("COMPLETED_RETENTION"), doc: "How long completed tasks stay visible to operators.", value: period(&c.Redis.Completed), check: func() string { return between(c.Redis.Completed, 0, 30*day) }},
		{path: "s3.endpoint", env: variable("S3_ENDPOINT"), doc: "URL of the S3 server; empty: AWS (dev: embedded when empty).", value: text(&c.S3.Endpoint), check: func() string { return scheme(c.S3.Endpoint, "http", "https") }},
		{path: "s3.public_endpoint", env: variable("S3_PUBLIC_ENDPOINT"), doc: "URL of the S3 server as clients reach it, for download links and presigned uploads; empty: the endpoint.", value: text(&c.S3.PublicEndpoint), check: func() string { return scheme(c.S3.PublicEndpoint, "http", "https") }},
		{path: "s3.region", env: variable("S3_REGION"), doc: "The region to sign for.", value: text(&c.S3.Region), check: func() string { return filled(c.S3.Region, "name a region, such as us-east-1") }},
		{path: "s3.bucket", env: variable("S3_BUCKET"), doc: "The bucket of all files.", value: text(&c.S3.Bucket), check: func() string { return bucketName(c.S3.Bucket) }},
		{path: "s3.access_key_id", env: variable("S3_ACCESS_KEY_ID"), doc: "The access key.", value: text(&c.S3.AccessKeyID), needed: remote, lack: "give the access key of the bucket"},
		{path: "s3.secret_access_key", env: variable("S3_SECRET_ACCESS_KEY"), flag: noFlag, doc: "The secret of the access key.", secret: true, value: hidden(&c.S3.SecretAccessKey), needed: remote, lack: "give the secret of the access key"},
		{path: "s3.path_style", env: variable("S3_PATH_STYLE"), doc: "Whether the bucket stands in the path instead of the host name.", value: boolean(&c.S3.PathStyle)},
		{path: "s3.presign_ttl", env: variable("S3_PRESIGN_TTL"), doc: "How long a download link is good.", value: period(&c.S3.PresignTTL), check: func() string { return between(c.S3.PresignTTL, minPeriod, 7*day) }},
		{path: "s3.upload_ttl", env: variable("S3_UPLOAD_TTL"), doc: "How long an address is good to which a client sends a part of a file itself.", value: period(&c.S3.UploadTTL), check: func() string { return between(c.S3.UploadTTL, time.Second, 7*day) }},
		{path: "s3.part_size", env: variable("S3_PART_SIZE"), doc: "Size of the parts that a large file is sent in; 0: 5MiB, and 16MiB after 1,000 parts, and 64MiB of those that clients send themselves. Give one size, such as 16MiB, to a server that wants all parts alike.", value: size(&c.S3.PartSize), check: func() string { return partSize(c.S3.PartSize) }},
		{path: "llm.url", env: variable("LLM_URL"), doc: "An OpenAI-compatible endpoint; optional.", value: text(&c.LLM.URL), check: func() string { return scheme(c.LLM.URL, "http", "https") }},
		{path: "llm.api_key", env: variable("LLM_API_KEY"), flag: noFlag, doc: "The key of that endpoint.", secret: true, value: hidden(&c.LLM.APIKey)},
	}
}

func cacheSettings(c *Config) []setting {
	k := &c.Cache
	return []setting{
		{path: "cache.url", env: variable("CACHE_URL"), flag: noFlag, doc: "A Redis for the cache of answers alone, redis://, rediss:// or unix://; empty: that of the queue.", secret: true, value: hidden(&k.URL), check: func() string { return scheme(k.URL.Reveal(), "redis", "rediss", "unix") }},
		{path: "cache.bytes", env: variable("CACHE_BYTES"), doc: "How much of profiles, previews and charts the API keeps in Redis, in all; 0: nothing.", value: size(&k.Bytes), check: func() string { return inside(k.Bytes, 0, 1<<40) }},
		{path: "cache.entry_bytes", env: variable("CACHE_ENTRY_BYTES"), doc: "The largest answer that is kept.", value: size(&k.EntryBytes), check: func() string { return inside(k.EntryBytes, 1, 64<<20) }},
		{path: "cache.ttl", env: variable("CACHE_TTL"), doc: "How long an answer is kept; also how long, at most, after its data set was deleted.", value: period(&k.TTL), check: func() string { return between(k.TTL, time.Second, 30*day) }},
		{path: "cache.timeout", env: variable("CACHE_TIMEOUT"), doc: "How long a request waits for the cache before it does without.", value: period(&k.Timeout), check: func() string { return between(k.Timeout, minPeriod, 5*time.Second) }},
	}
}

func authSettings(c *Config) []setting {
	return []setting{
		{
			path: "auth.secrets", env: []string{"AUTH_SECRET", "NEXTAUTH_SECRET"}, flag: noFlag,
			doc:    "Secrets that tokens may be signed with, at least 32 bytes each; several while one replaces another.",
			secret: true, value: hiddens(&c.Auth.Secrets), check: func() string { return longEnough(c.Auth.Secrets) },
			needed: func(r Role, m Mode) bool { return m == Production && (r == RoleAPI || r == RoleDev) },
			lack:   "in production every request must prove who asks, and without a secret no token can be checked: give the front end's secret of at least 32 bytes, or set NARRATIVE_MODE=development on a machine that only you reach",
		},
		{path: "auth.audience", env: variable("AUTH_AUDIENCE"), doc: "The audience that tokens must name; empty: any.", value: text(&c.Auth.Audience)},
		{path: "auth.issuer", env: variable("AUTH_ISSUER"), doc: "The issuer that tokens must name; empty: any.", value: text(&c.Auth.Issuer)},
	}
}

func importSettings(c *Config) []setting {
	i := &c.Import
	return []setting{
		{path: "import.allow_hosts", env: variable("IMPORT_ALLOW_HOSTS"), doc: "Hosts that files may be imported from, such as files.example.com or *.example.com; empty: every host.", value: texts(&i.AllowHosts), check: func() string { return hosts(i.AllowHosts) }},
		{path: "import.allow_addresses", env: variable("IMPORT_ALLOW_ADDRESSES"), doc: "Networks that imports may connect to although their addresses are not public, such as 10.20.0.0/16.", value: texts(&i.AllowAddresses), check: func() string { return networks(i.AllowAddresses) }},
		{path: "import.ports", env: variable("IMPORT_PORTS"), doc: "Ports that imports may connect to.", value: texts(&i.Ports), check: func() string { return ports(i.Ports) }},
		{path: "import.http", env: variable("IMPORT_HTTP"), doc: "Whether addresses without TLS may be imported from; in development mode only.", value: boolean(&i.HTTP)},
		{path: "import.s3_buckets", env: variable("IMPORT_S3_BUCKETS"), doc: "What may be imported of other buckets of the S3 server, such as landing/{tenant}/: a bucket, and what keys begin with.", value: texts(&i.S3Buckets), check: func() string { return bucketPatterns(i.S3Buckets) }},
	}
}

func limitSettings(c *Config) []setting {
	keep := func(path, name, doc string, at *int64) setting {
		return setting{path: path, env: variable(name), doc: doc, value: size(at), check: func() string { return inside(*at, 1, 1<<50) }}
	}
	l := &c.Limits
	all := []setting{
		keep("limits.upload_bytes", "LIMIT_UPLOAD_BYTES", "The largest file that may be uploaded.", &l.UploadBytes),
		keep("limits.body_bytes", "LIMIT_BODY_BYTES", "The largest body of any other request.", &l.BodyBytes),
		keep("limits.payload_bytes", "LIMIT_PAYLOAD_BYTES", "The largest payload of a job; at most 8MiB.", &l.PayloadBytes),
		keep("limits.field_bytes", "LIMIT_FIELD_BYTES", "The longest field of a table.", &l.FieldBytes),
		keep("limits.step_bytes", "LIMIT_STEP_BYTES", "The most that a step of a recipe may hold of a table, such as one that sorts; the API and the workers must have the same.", &l.StepBytes),
		{path: "limits.columns", env: variable("LIMIT_COLUMNS"), doc: "The most columns of a table.", value: count(&l.Columns), check: func() string { return inside(int64(l.Columns), 1, 1_000_000) }},
	}
	all = append(all, setting{
		path: "limits.tenant_uploads", env: variable("LIMIT_TENANT_UPLOADS"), doc: "The most uploads in pieces or parts of one tenant that have begun and are not finished.",
		value: count(&l.TenantUploads), check: func() string { return inside(int64(l.TenantUploads), 1, 1_000_000) },
	})
	for _, s := range []struct {
		name, doc string
		at        *int
		most      int64
	}{
		{"running", "The most jobs of one tenant that are with the queue or a worker at a time, where operators have not set another number; 0: no limit.", &l.TenantRunning, 100_000},
		{"rate", "The most jobs of one tenant that are started in a minute, where operators have not set another number; 0: no limit.", &l.TenantRate, 1_000_000},
		{"waiting", "The most jobs of one tenant that may wait, where operators have not set another number; 0: no limit.", &l.TenantWaiting, 100_000_000},
	} {
		all = append(all, setting{
			path: "limits.tenant_" + s.name, env: variable("LIMIT_TENANT_" + strings.ToUpper(s.name)), doc: s.doc,
			value: count(s.at), check: func() string { return inside(int64(*s.at), 0, s.most) },
		})
	}
	all[2].check = func() string { return inside(l.PayloadBytes, 1, 8<<20) } // a record of MongoDB holds 16 MiB
	r := &c.Retention
	return append(all,
		setting{path: "retention.uploads", env: variable("RETENTION_UPLOADS"), doc: "How long data sets are kept; 0: until deleted.", value: period(&r.Uploads), check: func() string { return kept(r.Uploads) }},
		setting{path: "retention.unfinished", env: variable("RETENTION_UNFINISHED"), doc: "How long an upload in pieces or parts is kept for which nothing arrives.", value: period(&r.Unfinished), check: func() string { return between(r.Unfinished, minPeriod, maxKept) }},
		setting{path: "retention.models", env: variable("RETENTION_MODELS"), doc: "How long models are kept; 0: until deleted.", value: period(&r.Models), check: func() string { return kept(r.Models) }},
		setting{path: "retention.results", env: variable("RETENTION_RESULTS"), doc: "How long files of predictions and curves of tunings are kept; 0: for ever.", value: period(&r.Results), check: func() string { return kept(r.Results) }},
		setting{path: "retention.jobs", env: variable("RETENTION_JOBS"), doc: "How long finished jobs are kept; 0: for ever.", value: period(&r.Jobs), check: func() string { return kept(r.Jobs) }},
		setting{path: "retention.health", env: variable("RETENTION_HEALTH"), doc: "How long the history of the parts' health is kept; 0: for ever.", value: period(&r.Health), check: func() string { return kept(r.Health) }},
		setting{path: "retention.audit", env: variable("RETENTION_AUDIT"), doc: "How long it is kept who saw personal data; 0: for ever.", value: period(&r.Audit), check: func() string { return kept(r.Audit) }},
		setting{path: "pii.policy", env: variable("PII_POLICY"), doc: "What is done about columns of personal data for which nobody has set something else: warn; confirm: the data set waits until somebody has confirmed it; mask, hash or drop: a version is made without the values, and what was before is sealed. The API and the workers must have the same.", value: text(&c.PII.Policy), check: func() string { return oneOf(c.PII.Policy, "warn", "confirm", "mask", "hash", "drop") }},
		setting{
			path: "pii.hash_secret", env: variable("PII_HASH_SECRET"), flag: noFlag, secret: true, value: hidden(&c.PII.HashSecret),
			doc:   "The secret of at least 32 bytes that values are hashed with, with another key for each tenant; the API and the workers must have the same. Without it nothing can be hashed. With another one hashes are others, and models that hash refuse to predict.",
			check: func() string { return longSecret(c.PII.HashSecret) },
			needed: func(r Role, _ Mode) bool {
				return c.PII.Policy == "hash" && (r == RoleAPI || r == RoleWorker || r == RoleDev)
			},
			lack: "the policy of personal data is hash, for which a secret is needed: give one of at least 32 bytes, such as openssl rand -base64 33 makes",
		},
		setting{path: "retention.temporary", env: variable("RETENTION_TEMPORARY"), doc: "How long temporary objects are kept.", value: period(&r.Temporary), check: func() string { return between(r.Temporary, minPeriod, maxKept) }},
		setting{path: "retention.grace", env: variable("RETENTION_GRACE"), doc: "How long a marked object waits before it is deleted.", value: period(&r.Grace), check: func() string { return between(r.Grace, 0, maxKept) }},
		setting{path: "retention.versions", env: variable("RETENTION_VERSIONS"), doc: "How many of the newest versions of a data set keep their tables, beside the first, those that are pinned and those that models learned from.", value: count(&r.Versions), check: func() string { return inside(int64(r.Versions), 1, 10_000) }},
	)
}
