package chaos

import "time"

// Tier says how much of everything is done, and how quickly the platform of the
// run notices things.
type Tier struct {
	Pace       Pace
	Workers    int
	Schedulers int
	APIs       int
	Users      int           // that submit one job after another
	Limit      int           // of the jobs of a tenant with the queue and the workers of the main stage: fewer than its users have there
	Points     int           // crash points of the sweep; 0: all of them
	Platforms  int           // on which crash points are tried at the same time
	Scenarios  []string      // of the sweep; nil: all of them
	Whole      bool          // what is switched off is also done to a platform that is whole
	Rows       int           // of the prediction that is divided
	Starve     time.Duration // for how long a worker gets 5 % of a core
	Outage     time.Duration // for how long a part is away, at least
	Disks      bool          // those of the records and of Redis fill up as well
	Strict     bool          // the percentiles are promises too
}

// TierFor returns the tier of a run of so many jobs: below 500 a short one,
// that notices the dead within seconds; from 10,000 on the long one, in which
// the percentiles count.
func TierFor(jobs int) Tier {
	const short, long = 500, 10_000
	switch {
	case jobs < short:
		return Tier{
			Pace:    Pace{Heartbeat: 700 * time.Millisecond, DeadAfter: 4 * time.Second, Lease: 3 * time.Second, Cleanup: "@every 4s", Health: "@every 1s"},
			Workers: 3, Schedulers: 2, APIs: 2, Users: 8, Limit: 4, Points: 3, Platforms: 1, Scenarios: []string{"main"}, Rows: 30_000,
			Starve: 5 * time.Second, Outage: 3 * time.Second,
		}
	case jobs < long:
		return Tier{
			Pace: defaultPace("@every 60s"), Workers: 4, Schedulers: 2, APIs: 2, Users: 16, Limit: 5, Points: 24, Platforms: 2, Whole: true, Rows: 200_000,
			Starve: time.Minute, Outage: 20 * time.Second, Disks: true,
		}
	default:
		return Tier{
			Pace: defaultPace("@every 10m"), Workers: 4, Schedulers: 2, APIs: 2, Users: 20, Limit: 6, Platforms: 3, Whole: true, Rows: 2_000_000,
			Starve: 10 * time.Minute, Outage: 30 * time.Second, Disks: true, Strict: true,
		}
	}
}

// defaultPace is that of a platform without settings.
func defaultPace(cleanup string) Pace {
	return Pace{Heartbeat: 3 * time.Second, DeadAfter: 15 * time.Second, Lease: 10 * time.Second, Cleanup: cleanup, Health: "@every 5s"}
}
