/** `status`: its time beside a bare Node start, its cost with 10,000 ended tasks, and what it prints in tokens. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encode } from 'gpt-tokenizer'
import { taskPaths } from '../../lib/state/paths.ts'
import { type State, type Status, status as schema } from '../../lib/state/schema/status.ts'
import { statusWith } from '../support/records.ts'
import type { Sandbox } from '../support/sandbox.ts'
import { type Figure, median, ratioFigure } from './report.ts'
import { timed, timeVerb } from './time.ts'

export async function benchStatus(box: Sandbox, rounds: number): Promise<Figure[]> {
  fill(box, 'tasks', 100, ['queued', 'failed', 'waiting', 'review'])
  const hundred: number[] = []
  const bare: number[] = []
  for (let n = 0; n < rounds; n++) {
    bare.push(await timed('node', ['-e', '0'], box.repo, box.env))
    hundred.push(await timeVerb(box, 'status'))
  }
  const text = (await box.verb('status')).stdout
  fill(box, 'archive/2026-01', 10_000, ['merged'])
  const many: number[] = []
  for (let n = 0; n < rounds; n++) many.push(await timeVerb(box, 'status'))
  const longer = (await box.verb('status')).stdout
  const tokens = Math.max(encode(text).length, encode(longer).length)
  return [
    ratioFigure('status over 100 live tasks ÷ node -e 0', median(hundred), median(bare), 4),
    ratioFigure('status with 10,000 ended ÷ without', median(many), median(hundred), 1.25),
    {
      what: 'tokens that status prints at 100 live, 10,000 ended',
      ours: `${tokens}`,
      baseline: '-',
      ratio: '-',
      goal: '< 300',
      met: tokens < 300,
    },
  ]
}

/** Task directories as the verbs would have left them. */
function fill(box: Sandbox, where: string, count: number, states: readonly State[]): void {
  const template = sample()
  for (let n = 0; n < count; n++) {
    const id = `${where.startsWith('archive') ? 'old' : 'task'}-number-${n}`
    const paths = taskPaths(join(box.state, where, id))
    for (const directory of [paths.inboxSeen, paths.outboxSeen, paths.log])
      mkdirSync(directory, { recursive: true })
    const state = states[n % states.length] ?? 'queued'
    const status: Status = {
      ...template,
      id,
      title: `Task number ${n}`,
      state,
      not_before: '2099-01-01T00:00:00.000Z',
    }
    writeFileSync(paths.status, JSON.stringify(schema.parse(status), null, 2))
    writeFileSync(paths.runLock, '')
    writeFileSync(paths.spec, 'Do it.\n')
  }
}

function sample(): Status {
  return statusWith('x', {
    reason: 'all 3 attempts are spent; the last: the check `npm test` failed: exit code 1',
    attempt: 3,
    tries: 3,
    settings: { verify: ['npm test'], paths: ['src/**'] },
  })
}
