/**
 * Writes as Dirigent writes, and says of each write when it is done, until the disk is gone; then waits for the
 * next directory on stdin. What was said to be done is what a power cut must not take.
 *
 * node --import tsx power-writer.ts lib|plain SAID, where SAID lies on another disk
 */
import { closeSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { errno, Failure } from '../../lib/kit/errors.ts'
import { createFileOnce, makeDirectory } from '../../lib/kit/files.ts'
import { record } from '../../lib/state/journal.ts'
import { statePaths } from '../../lib/state/paths.ts'
import { writeRecord } from '../../lib/state/record.ts'
import { createTask } from '../../lib/state/tasks.ts'
import { event, spec, status } from './power-records.ts'

const [way = '', said = ''] = process.argv.slice(2)
const out = openSync(said, 'a')

/** One write of each kind, in turn. */
function* writes(directory: string): Generator<readonly [string, () => void]> {
  const paths = statePaths(directory)
  for (const path of [paths.tasks, paths.locks, paths.archive]) makeDirectory(path)
  const home = paths.task('home')
  makeDirectory(home.log)
  makeDirectory(home.inbox)
  const plain = way === 'plain'
  for (let n = 1; ; n++) {
    const id = `t-${n}`
    const message = join(home.inbox, `${n}.md`)
    yield [
      `record ${n}`,
      plain
        ? () => rename(home.status, json(status('home', n)))
        : () => writeRecord(home.status, status('home', n)),
    ]
    yield [
      `trail ${n}`,
      plain
        ? () => writeFileSync(home.trail, `${JSON.stringify(event(n))}\n`, { flag: 'a' })
        : () => record(paths, home, event(n)),
    ]
    yield [
      `message ${n}`,
      plain ? () => rename(message, spec(n)) : () => void createFileOnce(message, spec(n)),
    ]
    yield [
      `task ${n}`,
      plain
        ? () => {
            mkdirSync(`${paths.task(id).directory}.new`)
            writeFileSync(join(`${paths.task(id).directory}.new`, 'spec.md'), spec(n))
            writeFileSync(join(`${paths.task(id).directory}.new`, 'status.json'), json(status(id, n)))
            renameSync(`${paths.task(id).directory}.new`, paths.task(id).directory)
          }
        : () => void createTask(paths, status(id, n), spec(n)),
    ]
  }
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/** The usual way: whole, but with nothing synced. */
function rename(path: string, content: string): void {
  writeFileSync(`${path}.new`, content)
  renameSync(`${path}.new`, path)
}

for await (const directory of createInterface({ input: process.stdin })) {
  try {
    for (const [what, write] of writes(directory)) {
      write()
      writeSync(out, `${what}\n`)
    }
  } catch (error) {
    const why = error instanceof Failure ? errno(error.cause) : errno(error)
    if (!['EIO', 'EROFS', 'ENOENT'].includes(why ?? '')) writeSync(out, `trouble ${String(error)}\n`)
  }
  writeSync(out, 'over\n')
}
closeSync(out)
