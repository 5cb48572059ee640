import { scenario } from './editing.ts'
import { prove } from './proof.ts'

prove('people save files while verbs read them, and nothing is called invalid but what is', scenario)
