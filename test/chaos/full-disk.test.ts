import { scenario } from './full-disk.ts'
import { prove } from './proof.ts'

prove('a full disk tears nothing, is named, and once there is room the next command goes on', scenario)
