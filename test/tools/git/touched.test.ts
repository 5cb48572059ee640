import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { lookAt } from '../../../lib/kit/read.ts'
import { touchedFiles } from '../../../lib/tools/git/touched.ts'
import { makeWorld, type World } from './repository.ts'

let world: World
beforeAll(async () => {
  world = await makeWorld()
})
afterAll(() => world.close())

it('lists what the branch and the worktree have changed, not what the base has, and writes nothing', async () => {
  const place = await world.worktree('t')
  const file = (name: string) => join(place.worktree, name)
  writeFileSync(file('committed.txt'), '')
  await world.commit('a commit', place.worktree)
  writeFileSync(file('staged é.txt'), '')
  await world.git(['add', '--all'], place.worktree)
  writeFileSync(file('loose.txt'), '')
  writeFileSync(file('a.txt'), 'changed\n')
  world.write('of-the-base.txt', '')
  await world.commit('the base goes on')
  const index = lookAt(join(place.git_dir, 'index'))
  expect(await touchedFiles(world.repo, place, 'main')).toEqual([
    'a.txt',
    'committed.txt',
    'loose.txt',
    'staged é.txt',
  ])
  expect(lookAt(join(place.git_dir, 'index'))).toMatchObject({ mtimeMs: index?.mtimeMs, ino: index?.ino })
})
