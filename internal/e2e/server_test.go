package e2e_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// servers are the variables that lead to servers like those of production. The
// workflow sets them, and the tests of store, queue and file storage read them
// too.
var servers = []string{
	"NARRATIVE_MONGODB_URI",
	"NARRATIVE_REDIS_URL",
	"NARRATIVE_S3_ENDPOINT",
	"NARRATIVE_S3_REGION",
	"NARRATIVE_S3_BUCKET",
	"NARRATIVE_S3_ACCESS_KEY_ID",
	"NARRATIVE_S3_SECRET_ACCESS_KEY",
	"NARRATIVE_S3_PATH_STYLE",
}

// TestSeparateProcessesOnServers runs every process by itself on the servers
// that the environment names, in a database, a bucket and a Redis database of
// its own, which are gone afterwards.
func TestSeparateProcessesOnServers(t *testing.T) {
	t.Parallel()
	given := map[string]string{}
	var missing []string
	for _, name := range servers {
		if given[name] = os.Getenv(name); given[name] == "" { //nolint:forbidigo // a test asks where the servers are
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		if len(missing) < len(servers) && os.Getenv("CI") != "" { //nolint:forbidigo // and where it runs
			t.Fatalf("a continuous integration run gives servers, but not %s", strings.Join(missing, ", "))
		}
		t.Skipf("give MongoDB, Redis and S3 servers to run this test, as .github/workflows/test.yml does; not set: %s", strings.Join(missing, ", "))
	}
	own := "narrative-e2e-" + strings.ToLower(rand.Text())
	given["NARRATIVE_S3_BUCKET"] = own
	ownBucket(t, given)
	given["NARRATIVE_REDIS_URL"] = ownRedis(t, given["NARRATIVE_REDIS_URL"])
	given["NARRATIVE_MONGODB_DATABASE"] = ownDatabase(t, given["NARRATIVE_MONGODB_URI"], own)
	var variables []string
	for name, value := range given {
		variables = append(variables, name+"="+value)
	}
	startCluster(t, variables).work(t)
}

// afterwards runs fn when the test and its processes have ended.
func afterwards(t *testing.T, fn func(context.Context) error) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if err := fn(ctx); err != nil {
			t.Errorf("tidy up: %v", err)
		}
	})
}

// ownDatabase returns the name of a database that is dropped afterwards. One
// that NARRATIVE_MONGODB_DATABASE names is used as it is and left: the records
// of `narrative parts` are in a single one, which is never dropped.
func ownDatabase(t *testing.T, uri, name string) string {
	t.Helper()
	if served := os.Getenv("NARRATIVE_MONGODB_DATABASE"); served != "" { //nolint:forbidigo // as above
		return served
	}
	afterwards(t, func(ctx context.Context) error {
		client, err := mongo.Connect(options.Client().ApplyURI(uri))
		if err != nil {
			return err
		}
		return errors.Join(client.Database(name).Drop(ctx), client.Disconnect(ctx))
	})
	return name
}

// ownRedis returns the URL of a database that was empty and is empty
// afterwards.
func ownRedis(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "unix" {
		t.Fatalf("give Redis as redis://host:port or rediss://host:port (%v)", err)
	}
	const databases, claim = 16, "narrative:e2e"
	for n := databases - 1; n > 0; n-- {
		u.Path = "/" + strconv.Itoa(n)
		o, err := redis.ParseURL(u.String())
		if err != nil {
			t.Fatal("the URL of Redis cannot be read") // it holds a password
		}
		client := redis.NewClient(o)
		mine, err := client.SetNX(t.Context(), claim, "1", 0).Result()
		if err != nil {
			t.Fatal(err)
		}
		if size, err := client.DBSize(t.Context()).Result(); mine && err == nil && size == 1 {
			afterwards(t, func(ctx context.Context) error {
				return errors.Join(client.FlushDB(ctx).Err(), client.Close())
			})
			return u.String()
		}
		if mine {
			client.Del(t.Context(), claim)
		}
		_ = client.Close()
	}
	t.Fatalf("none of the databases 1 to %d of Redis is empty", databases-1)
	return ""
}

// ownBucket creates the bucket, which goes afterwards with all that is in it.
func ownBucket(t *testing.T, given map[string]string) {
	t.Helper()
	bucket := aws.String(given["NARRATIVE_S3_BUCKET"])
	client := s3.New(s3.Options{
		BaseEndpoint: aws.String(given["NARRATIVE_S3_ENDPOINT"]), Region: given["NARRATIVE_S3_REGION"],
		UsePathStyle:               given["NARRATIVE_S3_PATH_STYLE"] == "true",
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		Credentials:                credentials.NewStaticCredentialsProvider(given["NARRATIVE_S3_ACCESS_KEY_ID"], given["NARRATIVE_S3_SECRET_ACCESS_KEY"], ""),
	})
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	afterwards(t, func(ctx context.Context) error {
		pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: bucket})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			var all []types.ObjectIdentifier
			for _, o := range page.Contents {
				all = append(all, types.ObjectIdentifier{Key: o.Key})
			}
			if len(all) == 0 {
				continue
			}
			if _, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{Objects: all}}); err != nil {
				return err
			}
		}
		_, err := client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucket})
		return err
	})
}
