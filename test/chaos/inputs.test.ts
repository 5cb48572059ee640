import { scenario } from './inputs.ts'
import { prove } from './proof.ts'

prove('bad input gets an answer that keeps the contract, and hides and holds up nobody', scenario)
