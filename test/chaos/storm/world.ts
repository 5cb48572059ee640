/**
 * Those who use Dirigent during the storm, all at once: callers who spawn small tasks, some who send them
 * messages, and supervisors who look, wait and land. What they were told goes into the ledger.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { VerbName } from '../../../lib/view/verbs.ts'
import type { Ran, Sandbox } from '../../support/sandbox.ts'
import { pick } from '../scenario.ts'
import { count, type Kind, type Ledger } from './ledger.ts'

export interface World {
  /** Everybody finishes what they are at, and goes. */
  quiet(): Promise<void>
}

/** Tasks that are spawned ahead: so many live ones at most. */
const mostLive = 10

export function people(box: Sandbox, ledger: Ledger, random: () => number, supervisors: number): World {
  let storming = true
  const live = () => readdirSync(join(box.state, 'tasks')).filter((name) => !name.startsWith('.'))

  async function spawning(caller: number): Promise<void> {
    for (let n = 1; storming; n++) {
      while (storming && live().length >= mostLive) await delay(50)
      if (storming) await spawnOne(box, ledger, random, `t${caller}-${n}`)
    }
  }

  async function sending(): Promise<void> {
    for (let n = 1; storming; n++) {
      await delay(100 + random() * 300)
      const task = pick(random, ['', ...live()])
      const kind = ledger.asked.get(task)
      if (!kind || kind === 'report') continue
      const message = `m-${n}-1`
      // A sender who was not answered sends the same again.
      for (let tries = 1; tries <= 5; tries++) {
        const ran = await ask(
          box,
          ledger,
          'send' as VerbName,
          task,
          `Take note of ${message}.`,
          '--id',
          message,
        )
        if (ran.exitCode === 0) ledger.sent.set(message, task)
        if (ran.exitCode === 0 || [2, 3, 4].includes(ran.exitCode)) break
      }
    }
  }

  async function supervising(): Promise<void> {
    while (storming) {
      const task = pick(random, ['none', ...live()])
      const looks: [VerbName, ...string[]][] = [
        ['status'],
        ['status', task],
        ['wait', '--timeout', '1s'],
        ['wait', '--until', 'settled', '--timeout', '1s'],
        ['land', task],
      ]
      const [verb, ...words] = pick(random, looks)
      await ask(box, ledger, verb, ...words)
      await delay(random() * 200)
    }
  }

  const all = [
    spawning(1),
    spawning(2),
    ...(existsSync(new URL('../../../bin/send', import.meta.url)) ? [sending()] : []),
    ...Array.from({ length: supervisors }, supervising),
  ].map((one) => one.catch((error: unknown) => void ledger.odd.push(`the world broke down: ${error}`)))
  return {
    async quiet() {
      storming = false
      await Promise.all(all)
    },
  }
}

/** Again until it is acknowledged; now and then two spawn the same. */
async function spawnOne(box: Sandbox, ledger: Ledger, random: () => number, id: string): Promise<void> {
  const kind = pick(random, ['plain', 'plain', 'checked', 'twice', 'report'] as const)
  const before = [...ledger.spawned].slice(-4)
  const needs = before.length > 0 && random() < 0.3 ? [pick(random, before)] : []
  const spec = join(box.directory, `${id}.md`)
  writeFileSync(spec, specOf(id, kind, needs))
  ledger.asked.set(id, kind)
  while (!ledger.spawned.has(id)) {
    const callers = random() < 0.3 ? [1, 2] : [1]
    const ran = await Promise.all(callers.map(() => ask(box, ledger, 'spawn', id, '--spec', spec)))
    if (ran.some(({ exitCode }) => exitCode === 0)) ledger.spawned.add(id)
    const refused = ran.find(({ exitCode }) => [2, 3, 4].includes(exitCode))
    if (refused) {
      ledger.odd.push(`spawn ${id} was refused: ${refused.stdout}`)
      return
    }
  }
}

function specOf(id: string, kind: Kind, needs: readonly string[]): string {
  // Where a command of the worker's is killed, the worker goes on and says that it is done: the check knows.
  const change = `test -s work/${id}/change`
  const verify = {
    plain: [change],
    checked: [change, 'sleep 0.1'],
    // True at the second attempt that came to its end.
    twice: [change, `test "$(cat work/${id}/tries | wc -l)" -ge 2`],
    report: [],
  }[kind]
  const front = {
    title: `Task ${id}`,
    needs,
    verify,
    // Killed workers and checks count as tries.
    attempts: 50,
    ...(kind === 'report' ? { change: 'none' } : {}),
  }
  return `---\n${JSON.stringify(front)}\n---\nDo it.\n\nSCENARIO: storm ${kind}\n`
}

/** Runs a verb; what it answered must be an answer, whatever was killed under it. */
export async function ask(box: Sandbox, ledger: Ledger, verb: VerbName, ...words: string[]): Promise<Ran> {
  const ran = await box.json(verb, ...words)
  // A verb that was killed itself has no exit code.
  const killed = ran.exitCode === -1
  count(ledger.answers, `${verb}: ${killed ? 'killed' : outcomeOf(ran)}`)
  if (!killed) judgeAnswer(ledger, `${verb} ${words.join(' ')}`, ran)
  return ran
}

function outcomeOf(ran: Ran): string {
  if (!ran.stdout.startsWith('{')) return `${ran.exitCode}, no JSON`
  return ran.json.ok ? 'done' : `${ran.json.error.code}`
}

function judgeAnswer(ledger: Ledger, what: string, ran: Ran): void {
  if (!ran.stdout.startsWith('{')) ledger.odd.push(`${what}: ${ran.stdout}${ran.stderr}`)
  else if (/\n {4}at /.test(ran.stderr)) ledger.odd.push(`${what}: ${ran.stderr}`)
  else if (ran.stdout.includes('"state":"corrupt"')) ledger.odd.push(`${what}: ${ran.stdout}`)
  else if (!ran.json.ok && ['corrupt-file', 'unknown-version'].includes(ran.json.error.code))
    ledger.odd.push(`${what}: ${ran.json.error.message}`)
}
