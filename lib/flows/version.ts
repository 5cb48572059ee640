/** Which Dirigent this is. */
import { packageVersion } from '../kit/package.ts'

export const version = (): string => packageVersion()
