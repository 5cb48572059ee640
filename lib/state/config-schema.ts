/** The schema of config.yaml for editors: what may be written there, and how. */
import * as z from 'zod/mini'
import { config } from './schema/config.ts'

/** As JSON Schema; what has a default may be left out. */
export const configSchemaText = (): string =>
  `${JSON.stringify(z.toJSONSchema(config, { io: 'input' }), null, 2)}\n`
