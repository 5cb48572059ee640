/** `wait`: from the news to its end, and what it uses while nothing happens. */

import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'
import { cpuOf, playTasks, wakeUp } from '../support/played.ts'
import { root, type Sandbox, until } from '../support/sandbox.ts'
import { type Figure, median } from './report.ts'

const workers = ['idle-1', 'idle-2', 'idle-3', 'idle-4']
/** Seconds. */
const idles = 10

export async function benchWait(box: Sandbox, rounds: number): Promise<Figure[]> {
  const tasks = await playTasks(box)
  const wake = async (name: string, env: NodeJS.ProcessEnv) => {
    const times: number[] = []
    for (let n = 0; n < rounds; n++) {
      const id = `${name}-${n}`
      tasks.make(id)
      times.push(await wakeUp(box, tasks, id, env))
      tasks.move(id, 'cancelled', 'enough')
    }
    return times
  }
  const byEvent = await wake('event', {})
  const byLook = await wake('look', { CHOKIDAR_USEPOLLING: '1', CHOKIDAR_INTERVAL: '3600000' })
  return [
    timeFigure('from the news to the end of wait', byEvent, 200),
    timeFigure('the same where no file events come', byLook, 500),
    await idleFigure(box),
  ]
}

async function idleFigure(box: Sandbox): Promise<Figure> {
  box.configure({ max_workers: 4 })
  const spec = box.spec({ title: 'Idle' }, [{ run: 'sleep 600' }])
  for (const id of workers) await box.verb('spawn', id, '--spec', spec)
  await until('four workers', () => workers.every((id) => box.status(id).activity?.kind === 'tool'))
  const child = execa(join(root, 'bin', 'wait'), ['--timeout', '2m'], {
    cwd: box.repo,
    env: box.env,
    extendEnv: false,
    reject: false,
  })
  await delay(3000)
  const before = cpuOf(child.pid ?? 0)
  await delay(idles * 1000)
  const percent = (cpuOf(child.pid ?? 0) - before) / (idles * 10)
  child.kill('SIGKILL')
  await child
  for (const id of workers) await box.verb('stop', id, '--cancel')
  return {
    what: `CPU of a wait over four workers, ${idles} s in which nothing happens`,
    ours: `${percent.toFixed(1)} %`,
    baseline: '-',
    ratio: '-',
    goal: '≤ 4 %',
    met: percent <= 4,
  }
}

function timeFigure(what: string, times: readonly number[], limit: number): Figure {
  return {
    what: `${what} (slowest ${Math.max(...times)} ms)`,
    ours: `${median(times).toFixed(0)} ms`,
    baseline: '-',
    ratio: '-',
    goal: `≤ ${limit} ms`,
    met: median(times) <= limit,
  }
}
