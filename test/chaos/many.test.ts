// Seen to fail: with 400 rows in `lib/view/list.ts` instead of 6 it printed too much.
import { scenario } from './many.ts'
import { prove } from './proof.ts'

prove('status and its like cost what the live tasks cost, however many have ended', scenario)
