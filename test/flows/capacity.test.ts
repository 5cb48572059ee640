/** How many workers at once, in which order, and what a task that needs others does. */
import { expect, it } from 'vitest'
import { sandboxForEach } from '../support/each.ts'
import { type Sandbox, until } from '../support/sandbox.ts'
import { settled, spawnTask, trailOf, workersOf } from '../support/tasks.ts'

let box: Sandbox
sandboxForEach({ max_workers: 1, stop_grace_seconds: 1 }, (made) => {
  box = made
})

const done = { say: 'done' }
const commit = (file: string) => ({
  run: `echo ${file} > ${file} && git add ${file} && git commit -qm 'add ${file}'`,
})
const hold = { run: 'while ! test -f ../../../go-on; do sleep 0.1; done' }
const goOn = () => box.write('go-on', '')
const begun = (id: string) => trailOf(box, id).find((event) => event.to === 'running')?.at
const inOrder = (ids: readonly string[]) =>
  [...ids].sort((a, b) => String(begun(a)).localeCompare(String(begun(b))))

it('starts no more workers than it may, and the others by priority, then by age', async () => {
  const order = ['first', 'urgent', 'older', 'younger', 'unimportant']
  await spawnTask(box, 'first', { change: 'none' }, [hold, done])
  await spawnTask(box, 'unimportant', { change: 'none', priority: -1 }, [done])
  await spawnTask(box, 'older', { change: 'none' }, [done])
  await spawnTask(box, 'younger', { change: 'none' }, [done])
  const queued = await box.json(
    'spawn',
    'urgent',
    '--spec',
    box.spec({ title: 'Urgent', change: 'none', priority: 5 }, [done]),
  )
  expect(queued.json.data).toMatchObject({
    task: { state: 'queued' },
    blocked: 'capacity: 1 of 1 workers are busy',
  })
  await until('the first worker', () => box.status('first').activity?.kind === 'tool')
  expect(order.filter((id) => box.status(id).state === 'running')).toEqual(['first'])
  goOn()
  await settled(box, ...order)
  expect(inOrder(order)).toEqual(order)
  expect(order.map((id) => box.status(id).state)).toEqual(order.map(() => 'done'))
  // A worker began only when the one before it had ended.
  for (const [n, id] of order.entries()) {
    const before = order[n - 1]
    const ended = before && trailOf(box, before).find((event) => event.to === 'verifying').at
    if (ended) expect(String(begun(id)) >= ended, id).toBe(true)
  }
})

it('runs as many workers as it may at once', async () => {
  box.configure({ max_workers: 3 })
  const ids = ['a', 'b', 'c', 'd']
  for (const id of ids) await spawnTask(box, id, { change: 'none' }, [hold, done])
  await until('three workers', () => ids.filter((id) => workersOf(box, id).length > 0).length === 3)
  expect(ids.map((id) => box.status(id).state)).toEqual(['running', 'running', 'running', 'queued'])
  goOn()
  await settled(box, ...ids)
})

it('starts a task when what it needs has been merged, on top of it', async () => {
  await spawnTask(box, 'ground', {}, [hold, commit('ground.txt'), done])
  await spawnTask(box, 'wall', { needs: ['ground'] }, [
    { run: 'test -f ground.txt' },
    { run: 'cat ground.txt > wall.txt && git add -A && git commit -qm wall' },
    done,
  ])
  await spawnTask(box, 'roof', { needs: ['wall', 'ground'], priority: 9, change: 'none' }, [done])
  const shown = await box.json('status')
  const reasons = Object.fromEntries(
    shown.json.data.tasks.map((task: { id: string; reason: string }) => [task.id, task.reason]),
  )
  expect(reasons).toMatchObject({ wall: 'needs ground (running)', roof: 'needs wall (queued)' })
  goOn()
  // No verb runs meanwhile: a runner that ends starts what became ready.
  await until('the roof', () => box.status('roof').state === 'done')
  expect(box.read('wall.txt')).toBe('ground.txt\n')
  expect(box.status('roof').state).toBe('done')
  expect(inOrder(['roof', 'wall', 'ground'])).toEqual(['ground', 'wall', 'roof'])
})

it('says so, and needs somebody, when what a task needs has failed; it goes on once that is mended', async () => {
  await spawnTask(box, 'broken', { attempts: 1 }, { attempts: [[done], [commit('mended.txt'), done]] })
  await settled(box, 'broken')
  await spawnTask(box, 'dependent', { needs: ['broken'], change: 'none' }, [done])
  const waited = await box.json('wait', 'dependent', '--timeout', '20s')
  expect(waited.json.data).toMatchObject({ outcome: 'attention', attention: [{ id: 'dependent' }] })
  const shown = await box.json('status', 'dependent')
  expect(shown.json.data.task).toMatchObject({ state: 'queued', reason: 'needs broken (failed)' })
  expect(shown.json.data.task.attention).toBe(
    'needs broken (failed), which will not be merged unless you act',
  )
  expect(shown.json.next).toEqual(['dirigent status broken'])
  await box.json('respawn', 'broken')
  await settled(box, 'broken', 'dependent')
  expect([box.status('broken').state, box.status('dependent').state]).toEqual(['merged', 'done'])
})

it('says so when what a task needs was cancelled', async () => {
  await spawnTask(box, 'dropped', {}, [hold, done])
  await spawnTask(box, 'hanging', { needs: ['dropped'], change: 'none' }, [done])
  await box.json('stop', 'dropped', '--cancel')
  const shown = await box.json('status', 'hanging')
  expect(shown.json.data.task).toMatchObject({ reason: 'needs dropped, which is cancelled' })
  expect(shown.json.data.task.attention).not.toBeNull()
  // It never began, so nothing of it was kept anywhere.
  expect((await box.verb('stop', 'hanging', '--cancel')).stdout).toContain('hanging is cancelled\n')
})

it('lets the next worker start while the checks of the one before still run', async () => {
  await spawnTask(
    box,
    'proving',
    { change: 'none', verify: ['while ! test -f ../../../go-on; do sleep 0.1; done'] },
    [done],
  )
  await spawnTask(box, 'next', { change: 'none' }, [done])
  await until(
    'the next task',
    () => box.status('next').state === 'done' && box.status('proving').state === 'verifying',
  )
  goOn()
  await settled(box, 'proving')
})

it('refuses needs that go round in a circle or lead nowhere, and changes nothing', async () => {
  await spawnTask(box, 'held', { change: 'none' }, [hold, done])
  await spawnTask(box, 'one', { needs: ['held'], change: 'none' }, [done])
  const unknown = await box.json(
    'spawn',
    'two',
    '--spec',
    box.spec({ title: 'Two', needs: ['nobody'] }, [done]),
  )
  expect(unknown.json.error).toMatchObject({ code: 'needs-unknown' })
  const self = await box.json('spawn', 'two', '--spec', box.spec({ title: 'Two', needs: ['two'] }, [done]))
  expect(self.json.error).toMatchObject({ code: 'needs-cycle' })
  await spawnTask(box, 'two', { needs: ['one'], change: 'none' }, [done])
  const circle = await box.json(
    'respawn',
    'one',
    '--spec',
    box.spec({ title: 'One', needs: ['two'], change: 'none' }, [done]),
  )
  expect(circle.json.error).toMatchObject({
    code: 'needs-cycle',
    message: expect.stringContaining('one → two → one'),
  })
  expect(box.status('one')).toMatchObject({ spec_revision: 1, settings: { needs: ['held'] } })
  goOn()
  await settled(box, 'held', 'one', 'two')
})
