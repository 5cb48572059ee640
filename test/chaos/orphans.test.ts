import { scenario } from './orphans.ts'
import { prove } from './proof.ts'

// Seen to fail: without the cgroup (`inside` in lib/kit/sweep.ts, killCgroup) what cleared its environment lives on;
// with endSurvivors (lib/flows/survivors.ts) doing nothing, `stop` of a task whose runner was killed times out;
// with takeUp giving up where the lock is only shared, the daemon that shares run.lock lives on.
prove('leaves no process behind, whatever a worker starts and however its attempt ends', scenario)
