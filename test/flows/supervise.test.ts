/** The supervisor: one for each repository, woken by news and by time, killed at any moment without a loss. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sandboxForEach } from '../support/each.ts'
import { type Sandbox, until } from '../support/sandbox.ts'
import { kill, runnersOf, spawnTask, supervisorsOf, workersOf } from '../support/tasks.ts'

let box: Sandbox
sandboxForEach({ max_workers: 4, stop_grace_seconds: 1, supervise: { every_seconds: 0.5 } }, (made) => {
  box = made
})

const done = { say: 'done' }
const hold = { run: 'while ! test -f ../../../go-on; do sleep 0.1; done' }
const log = () => readFileSync(join(box.state, 'locks', 'supervisor.log'), 'utf8')
const gone = () => until('the supervisor has left', () => supervisorsOf(box).length === 0)

describe('a supervisor', () => {
  it('is started by spawn, once, takes up what was lost with no verb called, and leaves when all is done', async () => {
    await Promise.all(
      ['a', 'b', 'c', 'd'].map((id) =>
        spawnTask(box, id, { change: 'none' }, { attempts: [[hold, done], [done]] }),
      ),
    )
    await until('a worker', () => workersOf(box, 'a').length > 0)
    expect(supervisorsOf(box)).toHaveLength(1)
    kill(...runnersOf(box, 'a'), ...workersOf(box, 'a'))
    // No verb is called: files are looked at only.
    await until('the end of a', () => box.status('a').state === 'done')
    expect(box.status('a')).toMatchObject({ attempt: 2, tries: 0 })
    box.write('go-on', '')
    await gone()
    for (const id of ['b', 'c', 'd']) expect(box.status(id), id).toMatchObject({ state: 'done', attempt: 1 })
    expect(log()).toMatch(/a was lost; taken up again/)
    expect(log()).toMatch(/nothing is under way; the supervisor has left/)
  })
})
