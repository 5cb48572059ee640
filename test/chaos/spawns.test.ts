import { prove } from './proof.ts'
import { scenario } from './spawns.ts'

prove('however many spawn at once, each gets a task and a worktree, and one id is given once', scenario)
