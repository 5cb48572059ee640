import { scenario } from './editing.ts'
import { prove } from './proof.ts'

// Seen to fail: without `half` in readConfig (lib/state/config.ts), by settings of which the last lines were missing;
// with a patience that ends 100 ms after the first look, whoever saved again meanwhile (lib/kit/patience.ts).
prove('people save files while verbs read them, and nothing is called invalid but what is', scenario)
