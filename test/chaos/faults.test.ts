import { scenario } from './faults.ts'
import { prove } from './proof.ts'

prove('a failing system call leaves the old state or the new one, and the next command goes on', scenario)
