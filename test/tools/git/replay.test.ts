import { chmodSync, mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Place } from '../../../lib/tools/git/door.ts'
import { replay } from '../../../lib/tools/git/replay.ts'
import { identityEnv, makeWorld, type World } from './repository.ts'

let world: World
let place: Place
let start: string
beforeEach(async () => {
  world = await makeWorld()
  start = await world.git(['rev-parse', 'HEAD'])
  place = await world.worktree()
})
afterEach(() => world.close())

const tip = () => world.git(['rev-parse', 'HEAD'], place.worktree)
const write = (name: string, content: string | Buffer) => writeFileSync(join(place.worktree, name), content)
const commit = (message: string) => world.commit(message, place.worktree)
const land = async (onto = 'main') =>
  await replay(
    world.repo,
    await tip(),
    await world.git(['rev-parse', onto]),
    () => [['Dirigent-Task', 't']],
    identityEnv,
  )
/** What real git makes of the same, for comparison. */
async function rebased(): Promise<string> {
  await world.git(['rebase', '-q', 'main'], place.worktree)
  return await world.git(['rev-parse', 'HEAD^{tree}'], place.worktree)
}

/** The base moves: a line before ours, and a file of its own. */
async function moveBase(): Promise<string> {
  world.write('a.txt', 'zero\none\ntwo\nthree\n')
  world.write('base.txt', 'base\n')
  return await world.commit('base moved')
}

it('puts commits on a base that has not moved, changing nothing but their trailers', async () => {
  write('one.txt', '1\n')
  await commit('first')
  write('two.txt', '2\n')
  await commit('second\n\nBody.')
  const done = await land()
  expect(done).toMatchObject({ ok: true, commits: 2 })
  if (!done.ok) return
  expect(done.tree).toBe(await world.git(['rev-parse', 'HEAD^{tree}'], place.worktree))
  expect(await world.git(['log', '--reverse', '--format=%B%x00', `${start}..${done.tip}`])).toBe(
    'first\n\nDirigent-Task: t\n\0\nsecond\n\nBody.\n\nDirigent-Task: t\n\0',
  )
  expect(await tip()).not.toBe(done.tip)
})

it('makes what git rebase makes of binary files, renames, modes, links and odd names on a moved base', async () => {
  write('old.bin', Buffer.from([0, 255, 13, 10, 0]))
  write('-odd "name"\n\té.txt', 'odd\n')
  await commit('add')
  renameSync(join(place.worktree, 'old.bin'), join(place.worktree, 'new.bin'))
  await commit('rename')
  chmodSync(join(place.worktree, 'a.txt'), 0o755)
  await commit('mode')
  symlinkSync('a.txt', join(place.worktree, 'link'))
  await commit('link')
  unlinkSync(join(place.worktree, 'new.bin'))
  mkdirSync(join(place.worktree, 'new.bin'))
  write('new.bin/inside', Buffer.from([0, 1, 2]))
  write('a.txt', 'one\ntwo\nthree, changed\n')
  await commit('file becomes directory')
  await moveBase()
  const done = await land()
  expect(done).toMatchObject({ ok: true, commits: 5 })
  expect(done.ok && done.tree).toBe(await rebased())
})

it('names the files that conflict, and changes nothing', async () => {
  write('a.txt', 'mine\n')
  write('fine.txt', 'fine\n')
  await commit('mine')
  const mine = await tip()
  world.write('a.txt', 'theirs\n')
  await world.commit('theirs')
  expect(await land()).toEqual({ ok: false, files: ['a.txt'] })
  expect(await tip()).toBe(mine)
  expect(await world.git(['status', '--porcelain'], place.worktree)).toBe('')
})

it.each([
  ['deleted here, changed there', 'unlink'],
  ['a binary file changed on both sides', 'binary'],
])('finds the conflict of %s', async (_, kind) => {
  world.write('f', Buffer.from([0, 1]))
  await world.commit('f')
  await world.git(['rebase', '-q', 'main'], place.worktree)
  if (kind === 'unlink') unlinkSync(join(place.worktree, 'f'))
  else write('f', Buffer.from([0, 2]))
  await commit('mine')
  world.write('f', Buffer.from([0, 3]))
  await world.commit('theirs')
  expect(await land()).toEqual({ ok: false, files: ['f'] })
})

it('drops a commit that the base has already, and keeps one that was empty on purpose', async () => {
  write('same.txt', 'same\n')
  await commit('same')
  await world.git(['commit', '-q', '--allow-empty', '-m', 'a note'], place.worktree)
  world.write('same.txt', 'same\n')
  await world.commit('same, by somebody else')
  const done = await land()
  expect(done).toMatchObject({ ok: true, commits: 1 })
  if (done.ok) expect(await world.git(['log', '-1', '--format=%s', done.tip])).toBe('a note')
})

it('has nothing to put when everything is in the base', async () => {
  write('same.txt', 'same\n')
  await commit('same')
  await world.git(['merge', '-q', '--ff-only', 'dirigent/t'])
  const main = await world.git(['rev-parse', 'main'])
  expect(await land()).toMatchObject({ ok: true, commits: 0, tip: main })
})

it('puts a branch that merged the base into itself there as one commit, with its resolution', async () => {
  write('a.txt', 'mine\n')
  await commit('mine')
  world.write('a.txt', 'theirs\n')
  await world.commit('theirs')
  await world.try(['merge', '-q', 'main'], place.worktree)
  write('a.txt', 'both\n')
  await commit('Merge main')
  write('more.txt', 'more\n')
  await commit('more')
  world.write('base.txt', 'base\n')
  const onto = await world.commit('base moved')
  const done = await land()
  expect(done).toMatchObject({ ok: true, commits: 1 })
  if (!done.ok) return
  expect(await world.git(['show', `${done.tip}:a.txt`])).toBe('both')
  expect(await world.git(['show', `${done.tip}:base.txt`])).toBe('base')
  expect(await world.git(['log', '-1', '--format=%P%n%B', done.tip])).toBe(
    `${onto}\nmine\n\n* mine\n* more\n\nDirigent-Task: t\n`,
  )
})

it('keeps authors, dates and messages of any script', async () => {
  write('x', 'x\n')
  await world.git(['add', 'x'], place.worktree)
  const author = {
    GIT_AUTHOR_NAME: 'Zoë 文字 O\'Brien "Q" Jr',
    GIT_AUTHOR_EMAIL: 'zoë@example.invalid',
    GIT_AUTHOR_DATE: '2001-02-03T04:05:06+0530',
  }
  await world.git(['commit', '-q', '-m', 'añade 🎉\n\n# no comment\n\n  indented\n'], place.worktree, author)
  await moveBase()
  const done = await land()
  if (!done.ok) throw new Error('conflict')
  expect(await world.git(['log', '-1', '--format=%an|%ae|%aI|%cn|%B', done.tip])).toBe(
    'Zoë 文字 O\'Brien "Q" Jr|zoë@example.invalid|2001-02-03T04:05:06+05:30|Tester|añade 🎉\n\n# no comment\n\n  indented\n\nDirigent-Task: t\n',
  )
})

it.each([
  ['a date long ago', 'A <a@x> 0 +0000', 'A|a@x|0'],
  ['a date in 1973', 'A <a@x> 99999999 +0000', 'A|a@x|99999999'],
  ['no e-mail', 'A <> 1700000000 +0000', 'A||1700000000'],
  ['no name', ' <a@x> 1700000000 +0000', 'worker|a@x|1700000000'],
  ['a name of punctuation', '.,; <a@x> 1700000000 +0000', 'worker|a@x|1700000000'],
])('takes over a commit with %s, which git commit would refuse to write', async (_, author, expected) => {
  const tree = await world.git(['rev-parse', 'HEAD^{tree}'], place.worktree)
  const blob = await world.git(['hash-object', '-w', 'a.txt'])
  write('.git-index-info', '')
  await world.git(['update-index', '--add', '--cacheinfo', `100644,${blob},odd.txt`], place.worktree)
  const next = await world.git(['write-tree'], place.worktree)
  expect(next).not.toBe(tree)
  const raw = world.write(
    `${world.directory}/raw`,
    `tree ${next}\nparent ${start}\nauthor ${author}\ncommitter ${author}\n\nodd\n`,
  )
  const odd = await world.git(['hash-object', '-t', 'commit', '--literally', '-w', raw])
  await world.git(['update-ref', 'HEAD', odd], place.worktree)
  await moveBase()
  const done = await land()
  if (!done.ok) throw new Error('conflict')
  expect(await world.git(['log', '-1', '--format=%an|%ae|%at', done.tip])).toBe(expected)
})

it('replays a branch that stands on another, older base', async () => {
  await moveBase()
  write('late.txt', 'late\n')
  await commit('late')
  await world.git(['commit', '-q', '--allow-empty', '-m', 'more of the base'])
  const done = await land()
  expect(done).toMatchObject({ ok: true, commits: 1 })
  if (done.ok) expect(await world.git(['show', `${done.tip}:base.txt`])).toBe('base')
})
