import { scenario } from './pids.ts'
import { prove } from './proof.ts'

// Seen to fail: without the start time (`isStill` in lib/kit/pid.ts) nobody takes up the task whose runner's pid is a
// bystander's while a leftover has the lock; without the comparison of namespaces (`findProcess`) a runner outside is
// said to be dead inside, and what was left inside is not ended from outside.
prove('believes a recorded pid only where it means something, and signals nobody for it', scenario)
