/** What a runner weighs beside its worker, and that nothing runs when nothing is to do. */
import { readFileSync } from 'node:fs'
import { execa } from 'execa'
import { type Sandbox, until } from '../support/sandbox.ts'
import type { Figure } from './report.ts'

export async function benchMemory(box: Sandbox): Promise<Figure[]> {
  const spec = box.spec({ title: 'Stay a while' }, [{ hang: true }])
  await box.verb('spawn', 'stay', '--spec', spec)
  const pid = await until(
    'the worker',
    () => box.status('stay').worker?.pid && (box.status('stay').runner.pid as number),
  )
  await until('its first event', () => box.status('stay').worker.thread)
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const megabytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(rollup)?.[1]) / 1024
  const bare = await bareNode(box)
  await box.verb('stop', 'stay', '--cancel')
  const left = await execa('pgrep', ['-f', box.directory], { reject: false })
  const idle = left.stdout.split('\n').filter((line) => line !== '').length
  return [
    {
      what: `runner beside a worker: RSS (PSS ${megabytes('Pss').toFixed(0)} MB; a bare node: ${bare.toFixed(0)} MB RSS)`,
      ours: `${megabytes('Rss').toFixed(0)} MB`,
      baseline: `${bare.toFixed(0)} MB`,
      ratio: (megabytes('Rss') / bare).toFixed(2),
      goal: '≤ 60 MB',
      met: megabytes('Rss') <= 60,
    },
    {
      what: 'processes left when idle',
      ours: `${idle}`,
      baseline: '-',
      ratio: '-',
      goal: '0',
      met: idle === 0,
    },
  ]
}

async function bareNode(box: Sandbox): Promise<number> {
  const script =
    "console.log(/VmRSS:\\s+(\\d+)/.exec(require('fs').readFileSync('/proc/self/status','utf8'))[1])"
  const { stdout } = await execa('node', ['-e', script], { env: box.env, extendEnv: false })
  return Number(stdout) / 1024
}
