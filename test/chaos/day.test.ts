import { scenario } from './day.ts'
import { prove } from './proof.ts'

prove('a day of unattended work ends with every task merged, or failed for a stated reason', scenario)
