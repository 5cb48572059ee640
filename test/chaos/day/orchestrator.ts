/**
 * The orchestrator of the day: spawns, waits for news, answers questions, and decides about what failed. It knows
 * nothing but what the verbs print; cut off at any time it goes on from the last cursor.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Sandbox } from '../../support/sandbox.ts'
import { frontOf, type Kind } from './tasks.ts'

export interface Orchestrated {
  /** Questions as they were put to it, by task. */
  readonly questions: Map<string, string[]>
  readonly odd: string[]
}

export async function spawnAll(box: Sandbox, kinds: ReadonlyMap<string, Kind>): Promise<void> {
  for (const [id, kind] of kinds) {
    const spec = join(box.directory, `${id}.md`)
    const front = stringify({ title: `Make ${id}`, ...frontOf(kind, id) })
    writeFileSync(spec, `---\n${front}---\nMake what ${id} is about.\n\nSCENARIO: ${kind} ${id}\n`)
    const ran = await box.verb('spawn', id, '--spec', spec)
    if (ran.exitCode !== 0) throw new Error(`spawn ${id}: ${ran.stdout}${ran.stderr}`)
  }
}

/** Until nothing goes on by itself and nothing is left to decide. @param each called after every wait */
export async function orchestrate(
  box: Sandbox,
  kinds: ReadonlyMap<string, Kind>,
  each: () => Promise<void>,
): Promise<Orchestrated> {
  const done: Orchestrated = { questions: new Map(), odd: [] }
  let cursor: string | null = null
  for (const giveUp = Date.now() + 600_000; Date.now() < giveUp; ) {
    const ran = await box.json('wait', ...(cursor ? ['--since', cursor] : []), '--timeout', '3s')
    if (![0, 7].includes(ran.exitCode)) {
      done.odd.push(`wait ended with ${ran.exitCode}: ${ran.stdout}${ran.stderr}`)
      cursor = null
      continue
    }
    cursor = ran.json.data.cursor
    for (const { id } of ran.json.data.attention) await decide(box, id, done)
    await each()
    if (ran.json.data.under_way.length === 0 && isOver(box, kinds)) return done
  }
  done.odd.push('the day did not end')
  return done
}

async function decide(box: Sandbox, id: string, done: Orchestrated): Promise<void> {
  const { state, question } = box.status(id)
  if (state !== 'waiting' || question === null) return
  done.questions.set(id, [...(done.questions.get(id) ?? []), question])
  // The one with an answer of its own is left to that.
  if (id.startsWith('defaults')) return
  const sent = await box.verb('send', id, 'COLOUR-is-red')
  if (sent.exitCode !== 0) done.odd.push(`send ${id}: ${sent.stdout}${sent.stderr}`)
}

const isOver = (box: Sandbox, kinds: ReadonlyMap<string, Kind>): boolean =>
  [...kinds.keys()].every((id) => ['merged', 'failed', 'done', 'cancelled'].includes(box.status(id).state))
