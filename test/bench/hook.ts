/** What every command of a worker's pays for being told of mail: the hook after it without any, beside an empty shell. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { taskPaths } from '../../lib/state/paths.ts'
import { root, type Sandbox } from '../support/sandbox.ts'
import { type Figure, median, ratioFigure } from './report.ts'
import { timed } from './time.ts'

/** So often in one measurement: starting the shell that counts is not to be seen. */
const times = 100
const repeat = `n=0; while [ $n -lt ${times} ]; do "$@" </dev/null; n=$((n + 1)); done`

export async function benchHook(box: Sandbox, rounds: number): Promise<Figure[]> {
  const task = taskPaths(join(box.directory, 'task'))
  mkdirSync(task.inboxSeen, { recursive: true })
  const hook = join(root, 'bin', 'worker', 'hooks', 'post-tool-use')
  const words = ['node', 'dirigent', task.directory, task.inbox, '1', join(box.directory, 'mark')]
  const microseconds = async (...command: string[]) =>
    ((await timed('sh', ['-c', repeat, 'sh', ...command], box.repo, box.env)) * 1000) / times
  const ours: number[] = []
  const bare: number[] = []
  for (let n = 0; n < rounds; n++) {
    bare.push(await microseconds('sh', '-c', ':'))
    ours.push(await microseconds(hook, ...words))
  }
  return [
    ratioFigure('the hook after a command, without mail ÷ sh -c :', median(ours), median(bare), 3, 'µs'),
  ]
}
