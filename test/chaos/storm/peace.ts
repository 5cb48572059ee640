/** The world left in peace: it must come to rest by one `wait`, and nothing may need a person. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Sandbox } from '../../support/sandbox.ts'
import type { Ledger } from './ledger.ts'
import { ask } from './world.ts'

export interface Peace {
  /** Tasks that stand still for a reason that kills do not excuse. */
  readonly stuck: string[]
  /** Tasks that were lost too often in a row, as promised, and were respawned. */
  readonly gaveUp: string[]
}

/** What a storm may do to a task: being killed again and again is bounded by design. */
const stated =
  /^lost \d+ times in a row|^all \d+ attempts are spent|^the runner failed: .* was killed by SIGKILL/

/** So often at most are tasks respawned that gave up. */
const mostRounds = 3

export async function peace(box: Sandbox, ledger: Ledger): Promise<Peace> {
  const stuck: string[] = []
  const gaveUp: string[] = []
  for (let round = 0; round <= mostRounds; round++) {
    const ran = await ask(box, ledger, 'wait', '--until', 'settled', '--timeout', '110s')
    if (ran.exitCode !== 0) {
      stuck.push(`wait ended with ${ran.exitCode}: ${ran.stdout}${ran.stderr}`)
      return { stuck, gaveUp }
    }
    const resting = restingTasks(box)
    if (resting.length === 0) return { stuck, gaveUp }
    for (const id of resting) {
      const { state, reason } = box.status(id)
      // It waits for one that gave up.
      if (state === 'queued') continue
      if (stated.test(reason ?? '')) gaveUp.push(id)
      else stuck.push(`${id} is ${state}: ${reason}`)
      const again = await ask(box, ledger, state === 'landing' ? 'land' : 'respawn', id)
      if (again.exitCode !== 0) stuck.push(`${id} cannot go on: ${again.stdout}`)
    }
  }
  return { stuck: [...stuck, `${restingTasks(box).join(', ')} never ended`], gaveUp }
}

const restingTasks = (box: Sandbox): string[] =>
  readdirSync(join(box.state, 'tasks')).filter((name) => !name.startsWith('.'))
