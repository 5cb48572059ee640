/**
 * Reads config.yaml. Parsing YAML costs more than everything else `status` does, so the parsed form is
 * kept beside, keyed by the text's hash: an edit counts at once, an unchanged file costs one read.
 */
import { createHash } from 'node:crypto'
import * as z from 'zod/mini'
import { diskTrouble } from '../kit/disk.ts'
import { Failure } from '../kit/errors.ts'
import { writeFileDurable } from '../kit/files.ts'
import { whenSaved } from '../kit/patience.ts'
import { readBounded } from '../kit/read.ts'
import type { StatePaths } from './paths.ts'
import { type Config, config as schema } from './schema/config.ts'

const configLimit = 256 * 1024
const cached = z.object({ sha256: z.string(), value: schema })

/** Defaults when there is no file; throws `bad-config` with the line and the field. */
export async function readConfig(paths: StatePaths): Promise<Config> {
  return (await whenSaved(paths.config, () => readOnce(paths))) ?? schema.parse({ version: 1 })
}

async function readOnce(paths: StatePaths): Promise<Config | undefined> {
  const bytes = readBounded(paths.config, configLimit)
  if (!bytes) return undefined
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const known = readCache(paths)
  if (known?.sha256 === sha256) return known.value
  const { parseYaml } = await import('./yaml.ts')
  const value = parseYaml(bytes.toString(), schema, { file: paths.config, code: 'bad-config', line: 1 })
  writeCache(paths, { sha256, value })
  return value
}

function readCache(paths: StatePaths): z.infer<typeof cached> | undefined {
  try {
    const bytes = readBounded(paths.configCache, configLimit * 4)
    if (!bytes) return undefined
    return cached.safeParse(JSON.parse(bytes.toString())).data
  } catch (error) {
    // Whatever stands there instead: a cache that cannot be read is no cache.
    if (error instanceof SyntaxError || error instanceof Failure) return undefined
    throw error
  }
}

function writeCache(paths: StatePaths, value: z.infer<typeof cached>): void {
  try {
    writeFileDurable(paths.configCache, JSON.stringify(value), { durable: false })
  } catch (error) {
    // A cache that cannot be written (read-only state, a directory in its place, full or failing disk) only costs time; other writers will say so.
    if (
      diskTrouble(error) ||
      (error instanceof Failure && ['state-read-only', 'corrupt-file'].includes(error.code))
    )
      return
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}
