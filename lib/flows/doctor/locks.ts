/** Which family of locks is in use and whether that is still right, and tickets that nobody holds. */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { Failure } from '../../kit/errors.ts'
import { useLocks } from '../../kit/lock.ts'
import { dropStale, staleTickets } from '../../kit/queue.ts'
import type { Finding } from '../../rules/findings.ts'
import { lockFamilyPath } from '../../state/paths.ts'
import { readRecord } from '../../state/record.ts'
import { lockFamily } from '../../state/schema/locks.ts'
import { queueOf } from '../build-line.ts'
import { changeLocks, tryLocks } from '../locks.ts'
import { observe } from '../settle.ts'
import { collect } from './collect.ts'
import type { Look } from './look.ts'

export async function locks(look: Look): Promise<readonly Finding[]> {
  const { paths } = look.context
  const all = collect()
  if (!look.initialised) return []
  await all.tryAsync('the locks', () => family(look))
  for (const directory of new Set([queueOf(look.context), paths.buildQueue]))
    await all.tryAsync(`the queue in ${directory}`, () => queue(directory))
  return all.findings
}

async function family({ context, locks: known, versions }: Look): Promise<Finding[]> {
  const { paths } = context
  versions.locks = known?.family ?? 'not chosen yet'
  if (!known || !existsSync(dirname(paths.lockFamily))) return []
  const now = await tried(paths.lockFamily)
  if (now === null) return []
  if (now.family !== known.family) {
    const why = now.why ?? 'flock works here by now'
    return [
      {
        code: 'lock-family-mismatch',
        what: `${paths.lockFamily} says that locks are of ${known.family}, but ${why}`,
        fix: `Writes down that they are of ${now.family}, when no task is under way.`,
        mend: async () => {
          const { alive, lost } = await observe(context)
          if (alive.size + lost.length > 0)
            throw new Failure('lock-busy', 'a task is under way; stop it first: dirigent stop ID', {
              hint: 'Then: dirigent doctor --fix',
            })
          changeLocks(paths.lockFamily, paths.root, now)
        },
      },
    ]
  }
  if (known.family === 'flock') return []
  return [
    {
      code: 'locks-weaker',
      what: `locks are of ${known.family}, because ${known.why ?? 'flock was not there'}: a holder that sleeps or is stopped for 10 s can lose its lock, and a killed one keeps others waiting as long`,
      fix: 'Install flock (util-linux), or put the repository on a file system that shares locks; then: dirigent doctor --fix',
    },
  ]
}

/** Null where trying needs to write and cannot. */
async function tried(record: string) {
  try {
    return await tryLocks(record)
  } catch (error) {
    if (error instanceof Failure && ['disk-full', 'state-read-only'].includes(error.code)) return null
    throw error
  }
}

async function queue(directory: string): Promise<Finding[]> {
  useLocks(directory, readRecord(lockFamilyPath(directory), lockFamily)?.family ?? 'flock')
  return (await staleTickets(directory)).map(({ path }) => ({
    code: 'stale-ticket',
    what: `${path} waits for the build lock, but whoever took it is gone`,
    fix: 'Removes it, as the next who waits would.',
    mend: () => dropStale(directory),
  }))
}
