/** `npm run bench:context` for short: what an orchestrator has to read stays within what is promised. */
import { expect, it } from 'vitest'
import { makeSandbox } from '../support/sandbox.ts'
import { idleHour, playDay } from './context-day.ts'

it('a day costs an orchestrator few tokens, and waiting none', async () => {
  const box = await makeSandbox({ config: { max_workers: 4 } })
  try {
    const idle = await idleHour(box, 2)
    const day = await playDay(box, ['asks', 'fails', 'merges'])
    console.log(day, idle)
    expect(idle.perHour).toBe(0)
    expect(idle.atEnd).toBeLessThanOrEqual(60)
    expect(Math.max(...day.perTask.values())).toBeLessThanOrEqual(600)
    expect(day.statusLine).toBeLessThanOrEqual(40)
    expect(day.newsLine).toBeLessThanOrEqual(40)
    expect(day.total).toBeLessThan(day.naive)
  } finally {
    await box.close()
  }
}, 180_000)
