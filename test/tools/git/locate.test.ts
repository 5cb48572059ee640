import { mkdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkedOut, locate } from '../../../lib/tools/git/locate.ts'
import { makeWorld, type World } from './repository.ts'

let world: World
beforeAll(async () => {
  world = await makeWorld()
})
afterAll(() => world.close())

const find = (path: string) => locate(path, '.orchestrator-state')
const at = (...names: string[]) => join(world.directory, ...names)

it('finds the checkout from itself, from a subdirectory and through a link', () => {
  mkdirSync(join(world.main, 'sub', 'deep'), { recursive: true })
  symlinkSync(join(world.main, 'sub'), at('link'))
  const found = { main: world.main, gitDir: join(world.main, '.git') }
  expect(find(world.main)).toEqual(found)
  expect(find(join(world.main, 'sub', 'deep'))).toEqual(found)
  expect(find(at('link', 'deep'))).toEqual(found)
})

it('finds the main checkout from a person’s linked worktree', async () => {
  await world.git(['worktree', 'add', '-q', at('linked')])
  mkdirSync(at('linked', 'sub'))
  expect(find(at('linked', 'sub'))).toEqual({ main: world.main, gitDir: join(world.main, '.git') })
})

it('finds the main checkout from a worktree of ours, whatever its .git file says', async () => {
  const place = await world.worktree()
  expect(find(place.worktree).main).toBe(world.main)
  await world.git(['init', '-q', at('evil')])
  writeFileSync(join(place.worktree, '.git'), `gitdir: ${at('evil', '.git')}\n`)
  expect(find(place.worktree).main).toBe(world.main)
  unlinkSync(join(place.worktree, '.git'))
  await world.git(['init', '-q', place.worktree])
  expect(find(join(place.worktree))).toEqual({ main: world.main, gitDir: join(world.main, '.git') })
})

it('takes a submodule for a repository of its own', async () => {
  await world.git(['clone', '-q', world.main, at('library')])
  const allow = ['-c', 'protocol.file.allow=always']
  await world.git([...allow, 'submodule', 'add', '-q', at('library'), 'library'])
  const gitDir = join(world.main, '.git', 'modules', 'library')
  expect(find(join(world.main, 'library'))).toEqual({ main: join(world.main, 'library'), gitDir })
})

it('finds a git directory that lies elsewhere, also from a linked worktree', async () => {
  await world.git(['init', '-q', `--separate-git-dir=${at('elsewhere')}`, at('separate')])
  expect(find(at('separate'))).toEqual({ main: at('separate'), gitDir: at('elsewhere') })
})

it('says what a bare repository, a worktree of one, and no repository are', async () => {
  await world.git(['clone', '-q', '--bare', world.main, at('bare.git')])
  expect(() => find(at('bare.git'))).toThrow(expect.objectContaining({ code: 'bare-repository' }))
  await world.git(['worktree', 'add', '-q', at('of-bare')], at('bare.git'))
  expect(() => find(at('of-bare'))).toThrow(expect.objectContaining({ code: 'bare-repository' }))
  mkdirSync(at('plain'))
  expect(() => find(at('plain'))).toThrow(expect.objectContaining({ code: 'not-a-repository' }))
  expect(() => find(at('missing'))).toThrow(expect.objectContaining({ code: 'not-a-repository' }))
})

it('does not follow a .git file that leads nowhere, or an empty one', () => {
  mkdirSync(at('broken'))
  for (const text of ['gitdir: /nowhere\n', '', 'gitdir:', '\0'.repeat(100)]) {
    writeFileSync(at('broken', '.git'), text)
    expect(() => find(at('broken'))).toThrow(expect.objectContaining({ code: 'not-a-repository' }))
  }
})

it('reads the branch that is checked out, and none when HEAD is detached', async () => {
  expect(checkedOut(find(world.main))).toBe('main')
  await world.git(['checkout', '-q', '--detach'])
  expect(checkedOut(find(world.main))).toBeNull()
  await world.git(['checkout', '-q', 'main'])
})
