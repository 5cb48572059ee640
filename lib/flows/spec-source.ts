/** Reads the spec that was named on the command line. */
import { splitSpec } from '../state/sections.ts'
import { parseSpec, type Spec, specLimit } from '../state/spec.ts'
import type { Named } from './settings.ts'
import { readSource } from './source.ts'

const how = '--spec FILE, or --spec - for stdin'

const wanted = {
  limit: specLimit,
  bad: 'bad-spec',
  missing: 'spec-not-found',
  hint: `Name the spec: ${how}.`,
  name: 'Name a Markdown file',
  how,
} as const

export async function readSpec(source: string): Promise<Spec> {
  return await readSource(source, wanted, parseSpec)
}

/** One for each of its sections. */
export async function readSpecs(source: string): Promise<Named[]> {
  return await readSource(source, wanted, splitSpec)
}
