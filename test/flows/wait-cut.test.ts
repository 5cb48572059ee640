/**
 * Waits that are killed at any moment, chained by their cursors, while tasks go on: what they tell, taken together,
 * is each thing that needed somebody, each end and each message by a worker, exactly once.
 *
 * Seen to fail: when a cursor that did not know what stood told all of it again.
 */

import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { randomness } from '../chaos/scenario.ts'
import { playTasks } from '../support/played.ts'
import { makeSandbox, root, type Sandbox } from '../support/sandbox.ts'

let box: Sandbox
beforeAll(async () => {
  box = await makeSandbox()
})
afterAll(async () => {
  await box.close()
})

/** How long tasks go on; milliseconds. */
const lasts = Number(process.env.WAIT_CUT_MS ?? 6000)
const ids = Array.from({ length: 24 }, (_, n) => `cut-${n}`)

it('tells everything exactly once, however often it is killed', async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 100_000)
  console.log(`SEED=${seed}`)
  const random = randomness(seed)
  const tasks = await playTasks(box)
  for (const id of ids) tasks.make(id)
  const starting = Date.now()
  const began = await box.json('wait', '--timeout', '0')
  const takes = Date.now() - starting
  const happened: string[] = []
  const live = new Set(ids)
  /** What was told and is to be dealt with. */
  const needs = new Map<string, number>()
  const over = Date.now() + Math.max(lasts, 10 * takes)

  const play = async () => {
    let messages = 0
    while (Date.now() < over) {
      await delay(random() * 60)
      const what = random()
      // One that needs somebody is dealt with by who was told; messages come all the same.
      const able = [...live].filter((id) => what >= 0.55 || !needs.has(id))
      const id = able[Math.floor(random() * able.length)]
      if (id === undefined) continue
      if (what < 0.45) {
        needs.set(id, 0)
        tasks.move(id, what < 0.2 ? 'failed' : 'waiting', 'because')
        happened.push(`attention ${id}`)
      } else if (what < 0.55 && live.size > 6) {
        live.delete(id)
        tasks.move(id, 'cancelled', 'enough')
        happened.push(`end ${id}`)
      } else {
        messages += 1
        tasks.says(id, `m${messages}`, `message ${messages}`)
        happened.push(`message m${messages}`)
      }
    }
  }
  /** One who waits; `deals` with what needs somebody: only one may. */
  const listen = async (deals: boolean, told: string[]) => {
    let cursor = began.json.data.cursor as string
    let cuts = 0
    for (let last = false; !last; ) {
      last = Date.now() > over
      const args = ['--since', cursor, '--json', '--timeout', last ? '0' : `${Math.round(random() * 300)}ms`]
      const child = execa(join(root, 'bin', 'wait'), args, {
        cwd: box.repo,
        env: box.env,
        extendEnv: false,
        reject: false,
      })
      const kill =
        !last && (cuts < 2 || random() < 0.5)
          ? setTimeout(() => child.kill('SIGKILL'), random() * takes * 0.8)
          : undefined
      const done = await child
      clearTimeout(kill)
      if (done.signal) {
        cuts += 1
        continue
      }
      const { data } = JSON.parse(done.stdout)
      cursor = data.cursor
      expect(cursor.length).toBeLessThanOrEqual(30)
      for (const { id } of data.attention) told.push(`attention ${id}`)
      for (const id of data.ended) told.push(`end ${id}`)
      for (const { id } of data.messages) told.push(`message ${id}`)
      if (deals)
        for (const { id } of data.attention) {
          if (random() < 0.3) continue
          tasks.move(id, 'queued', 'again')
          needs.delete(id)
        }
    }
    return cuts
  }
  const [one, two]: string[][] = [[], []]
  const [, cuts] = await Promise.all([play(), listen(true, one ?? []), listen(false, two ?? [])])
  console.log(`${happened.length} things happened; ${cuts} waits were cut`)
  expect(cuts).toBeGreaterThan(0)
  expect(one?.sort()).toEqual(happened.sort())
  // What the other has dealt with in between is no news.
  const others = (list: readonly string[] | undefined) =>
    list?.filter((what) => !what.startsWith('attention'))
  expect(others(two?.sort())).toEqual(others(happened))
}, 180_000)
