/** Where processes are not to be seen (no /proc): any lock of git may be somebody's at work, an hour old or not. */
import { existsSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { lockInTheWay, makeWay } from '../../../lib/tools/git/in-the-way.ts'
import { staleLocks } from '../../../lib/tools/git/leftovers.ts'
import { makeWorld } from './repository.ts'

vi.mock(import('../../../lib/kit/pid.ts'), async (original) => ({
  ...(await original()),
  seesItself: () => false,
}))

// Seen to fail: without `seesItself` in lib/tools/git/leftovers.ts. A commit whose editor is open loses its lock.
it('a lock is left alone', async () => {
  const box = await makeWorld()
  const lock = join(box.repo.gitDir, 'index.lock')
  writeFileSync(lock, '')
  utimesSync(lock, 1, 1)
  expect(staleLocks(box.repo, box.main)).toEqual([])
  expect(lockInTheWay(`fatal: Unable to create '${lock}': File exists`)).toBe(lock)
  await makeWay(box.repo, [lock])
  expect(existsSync(lock)).toBe(true)
  box.close()
})
