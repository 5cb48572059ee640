/**
 * An fsck of the state directory and its surroundings. Looking changes nothing: no task is taken up, nothing
 * is removed. A state that is changing meanwhile can look wrong for a moment, so what is found is looked for
 * again, and only what is there both times counts. A check that breaks is a finding itself.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Failure, reasonOf } from '../kit/errors.ts'
import { type Finding, worstFirst } from '../rules/findings.ts'
import { findRepository } from './context.ts'
import { litter } from './doctor/litter.ts'
import { liveness } from './doctor/liveness.ts'
import { locks } from './doctor/locks.ts'
import { closeLook, type Look, openLook, type Versions } from './doctor/look.ts'
import { records } from './doctor/records.ts'
import { surroundings } from './doctor/surroundings.ts'
import { trails } from './doctor/trails.ts'
import { work } from './doctor/work.ts'
import { refuseWorker } from './own-task.ts'

type Check = (look: Look) => Promise<readonly Finding[]> | readonly Finding[]

/** One file each in `doctor/`: what a family of checks looks at. A new one is added here. */
const families: Readonly<Record<string, Check>> = {
  surroundings,
  records,
  trails,
  liveness,
  work,
  locks,
  litter,
}

export interface Found extends Finding {
  /** Mended, and not found again afterwards. */
  readonly fixed: boolean
  /** Why it could not be mended, or null. */
  readonly trouble: string | null
}

export interface Report {
  /** Of the programs that everything stands on; and which locks are used, and how much is kept. */
  readonly versions: Readonly<Record<string, string>>
  readonly findings: readonly Found[]
}

/** Mending one thing can uncover another (a task that is put away leaves its branch); so many times over. */
const mostRounds = 3

export async function doctor(directory: string, options: { readonly fix: boolean }): Promise<Report> {
  if (options.fix) refuseWorker(findRepository(directory), 'doctor --fix')
  const found = new Map<string, Found>()
  const versions: Record<string, string> = {}
  let left = await examine(directory, versions)
  for (const finding of left) note(found, finding, false, null)
  for (let round = 0; options.fix && round < mostRounds && left.some(({ mend }) => mend); round++) {
    for (const finding of worstFirst(left)) note(found, finding, false, await mend(finding))
    left = await examine(directory, versions)
    const still = new Set(left.map(keyOf))
    for (const [key, finding] of found) note(found, finding, !still.has(key), finding.trouble)
    for (const finding of left) if (!found.has(keyOf(finding))) note(found, finding, false, null)
  }
  return { versions, findings: worstFirst([...found.values()]) }
}

function note(found: Map<string, Found>, finding: Finding, fixed: boolean, trouble: string | null): void {
  found.set(keyOf(finding), { ...finding, fixed, trouble: fixed ? null : trouble })
}

const keyOf = ({ code, what, about }: Finding): string => `${code} ${about ?? what}`

/** Why it could not be mended, or null. */
async function mend(finding: Finding): Promise<string | null> {
  try {
    await finding.mend?.()
    return null
  } catch (error) {
    return error instanceof Failure ? error.message : `a bug: ${reasonOf(error)}`
  }
}

/** Milliseconds between two looks: a verb that holds a lock or writes a file for a moment is done by then. */
const between = 200

async function examine(directory: string, versions: Versions): Promise<readonly Finding[]> {
  const first = await lookOnce(directory, versions)
  if (first.length === 0) return first
  await delay(between)
  const seen = new Set(first.map(keyOf))
  return (await lookOnce(directory, versions)).filter((finding) => seen.has(keyOf(finding)))
}

async function lookOnce(directory: string, versions: Versions): Promise<readonly Finding[]> {
  const look = await openLook(directory, versions)
  const all: Finding[] = [...look.findings]
  try {
    for (const [name, check] of Object.entries(families)) {
      try {
        all.push(...(await check(look)))
      } catch (error) {
        all.push({
          code: 'check-broke',
          what: `the checks of ${name} broke off: ${reasonOf(error)}`,
          fix: 'Mend what the message names, then look again; what they would have found is not known.',
        })
      }
    }
  } finally {
    closeLook(look)
  }
  return all
}
