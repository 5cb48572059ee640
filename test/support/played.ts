/** Tasks that have no worker: the caller plays them, with the very functions that runners write with. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'
import { advance, amend, remark } from '../../lib/flows/advance.ts'
import { type Context, openContext } from '../../lib/flows/context.ts'
import { isLocked } from '../../lib/kit/lock.ts'
import type { Settings, State, Status } from '../../lib/state/schema/status.ts'
import { createTask, loadTask } from '../../lib/state/tasks.ts'
import { statusWith } from './records.ts'
import { root, type Sandbox, until } from './sandbox.ts'

export interface Played {
  /** Queued, and nothing starts it. */
  make(id: string, settings?: Partial<Settings>): void
  /** @returns when that was begun, milliseconds */
  move(id: string, to: State, reason: string, patch?: Partial<Status>): number
  /** The same in two steps: the second writes the line that tells of it. */
  moveSilently(id: string, to: State, reason: string): () => void
  /** A message by its worker. */
  says(id: string, message: string, text: string): void
}

export async function playTasks(box: Sandbox): Promise<Played> {
  const context: Context = await openContext(box.repo)
  const of = (id: string) => loadTask(context.paths, id)
  return {
    make(id, settings = {}) {
      const created = new Date().toISOString()
      const different = { created, since: created, not_before: '2099-01-01T00:00:00.000Z', settings }
      createTask(context.paths, statusWith(id, different), 'Do it.\n')
    },
    move(id, to, reason, patch = {}) {
      const at = Date.now()
      advance(context, of(id), to, reason, patch)
      return at
    },
    moveSilently(id, to, reason) {
      const before = of(id)
      const after = amend(before, { state: to, reason, since: new Date().toISOString() })
      return () => remark(context, after, 'state', reason, { from: before.status.state, to })
    },
    says: (id, message, text) => remark(context, of(id), 'message', text, { outbox: message }),
  }
}

/** From the news that a task needs somebody to the end of a wait that was there before it; milliseconds. */
export async function wakeUp(
  box: Sandbox,
  tasks: Played,
  id: string,
  env: NodeJS.ProcessEnv = {},
): Promise<number> {
  const { cursor } = (await box.json('wait', id, '--timeout', '0')).json.data
  const child = execa(join(root, 'bin', 'wait'), [id, '--since', cursor], {
    cwd: box.repo,
    env: { ...box.env, ...env },
    extendEnv: false,
  })
  await until('a wait that listens', () => isLocked(join(box.state, 'locks', 'listen.lock')))
  // It sleeps when it has looked at everything once.
  let before = -1
  await until('a wait that sleeps', async () => {
    const used = cpuOf(child.pid ?? 0)
    const same = used === before
    before = used
    await delay(100)
    return same
  })
  const at = tasks.move(id, 'failed', 'because')
  await child
  return Date.now() - at
}

/** What a process and those it has waited for have used; milliseconds. */
export function cpuOf(pid: number): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(/\) (?=\S )/)
  const ticks = fields.split(' ').slice(11, 15).map(Number)
  return ticks.reduce((sum, each) => sum + each, 0) * 10
}
