import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  baseTips,
  branches,
  commitsOf,
  fetchBase,
  isAncestor,
  keep,
  listRefs,
  mergeBase,
  moveBranch,
  resolveBase,
  restoreRef,
} from '../../../lib/tools/git/refs.ts'
import { configuredRemotes, ensureTrusted, refuseChanges } from '../../../lib/tools/git/trusted.ts'
import { makeWorld, type World } from './repository.ts'

let world: World
let start: string
beforeEach(async () => {
  world = await makeWorld()
  start = await world.git(['rev-parse', 'HEAD'])
})
afterEach(() => world.close())

const base = async (wanted: string | null) => resolveBase(world.repo, wanted, await branches(world.repo))
const trust = () => ensureTrusted(world.repo.gitDir, world.repo.trusted, 'a-person-said-so')
const next = async (from = start, text = String(Math.random())) =>
  await world.git(['commit-tree', `${from}^{tree}`, '-p', from, '-m', text])

/** origin is a clone; gives its directory. */
async function origin(name = 'origin'): Promise<string> {
  const path = join(world.directory, `${name}.git`)
  await world.git(['clone', '-q', '--bare', world.main, path])
  await world.git(['remote', 'add', name, path])
  await world.git(['fetch', '-q', name])
  await trust()
  return path
}

it('takes the branch checked out for the base, and asks for one when there is none', async () => {
  expect(await base(null)).toEqual({ branch: 'main', remote: null })
  await world.git(['checkout', '-q', '--detach'])
  await expect(base(null)).rejects.toMatchObject({ code: 'base-required' })
  expect(await base('main')).toEqual({ branch: 'main', remote: null })
})

it('takes a local branch with a slash, and a remote-tracking one, for what they are', async () => {
  await origin()
  await world.git(['branch', 'release/1'])
  await world.git(['push', '-q', 'origin', 'main:team/x'])
  await world.git(['fetch', '-q', 'origin'])
  expect(await base('release/1')).toEqual({ branch: 'release/1', remote: null })
  expect(await base('origin/main')).toEqual({ branch: 'main', remote: 'origin' })
  expect(await base('main')).toEqual({ branch: 'main', remote: 'origin' })
  expect(await base('origin/team/x')).toEqual({ branch: 'team/x', remote: 'origin' })
})

it('says which branches there are when it does not know the base, and when there are no commits', async () => {
  for (const wanted of ['other', 'origin/main', '-x', '--upload-pack=x', '', 'refs/heads/main', 'main\n'])
    await expect(base(wanted)).rejects.toMatchObject({ code: 'base-not-found', hint: 'Branches: main' })
  rmSync(join(world.repo.gitDir, 'refs', 'heads', 'main'))
  await expect(base(null)).rejects.toMatchObject({ code: 'no-commits' })
})

it('prefers origin, and takes another remote when it is the only one', async () => {
  await origin('fork')
  expect(await base('main')).toEqual({ branch: 'main', remote: 'fork' })
  await origin()
  expect(await base('main')).toEqual({ branch: 'main', remote: 'origin' })
})

it('does not believe a remote-tracking ref of a remote that nobody configured', async () => {
  const forged = await next()
  for (const name of ['origin/main', 'a.b/main', '--upload-pack=x/main'])
    await world.git(['update-ref', `refs/remotes/${name}`, forged])
  expect(await base('main')).toEqual({ branch: 'main', remote: null })
  await expect(base('origin/main')).rejects.toMatchObject({ code: 'base-not-found' })
  expect(await baseTips(world.repo, await base('main'))).toMatchObject({ fresh: start })
})

it('works from the upstream when it is ahead, from the local branch when that is, and says when they parted', async () => {
  const path = await origin()
  const main = { branch: 'main', remote: 'origin' }
  const ahead = await next()
  await world.git(['push', '-q', path, `${ahead}:refs/heads/main`])
  expect(await fetchBase(world.repo, main)).toBeNull()
  expect(await baseTips(world.repo, main)).toEqual({ local: start, fresh: ahead, parted: false })
  const own = await next(ahead)
  await moveBranch(world.repo, 'main', own, start, 'x')
  expect(await baseTips(world.repo, main)).toEqual({ local: own, fresh: own, parted: false })
  const other = await next(start, 'other')
  await moveBranch(world.repo, 'main', other, own, 'x')
  expect(await baseTips(world.repo, main)).toEqual({ local: other, fresh: other, parted: true })
  await world.git(['checkout', '-q', '--detach'])
  await world.git(['branch', '-D', 'main'])
  expect(await baseTips(world.repo, main)).toEqual({ local: null, fresh: ahead, parted: false })
})

it('fetches from where it knows, not from where a worker has pointed the remote', async () => {
  const path = await origin()
  const evil = join(world.directory, 'evil.git')
  await world.git(['clone', '-q', '--bare', world.main, evil])
  const forged = await next()
  await world.git(['push', '-q', evil, `${forged}:refs/heads/main`])
  await world.git(['config', 'remote.origin.url', evil])
  expect(refuseChanges(world.repo.gitDir, world.repo.trusted)).toBe(true)
  const main = { branch: 'main', remote: 'origin' }
  const ensure = (how: Parameters<typeof ensureTrusted>[2]) =>
    ensureTrusted(world.repo.gitDir, world.repo.trusted, how)
  for (const how of ['ask-a-person', 'no-worker-lives'] as const) {
    expect(await ensure(how)).toBe('refused')
    expect(await fetchBase(world.repo, main)).toBeNull()
    expect(await baseTips(world.repo, main)).toMatchObject({ fresh: start })
  }
  expect(refuseChanges(world.repo.gitDir, world.repo.trusted)).toBe(false)
  expect(await ensure('a-person-said-so')).toBe('adopted')
  // Who lives is a process for each of them: looked at only where there is a change.
  expect(await ensure(() => Promise.reject(new Error('asked without need')))).toBe('unchanged')
  expect(await fetchBase(world.repo, main)).toBeNull()
  expect(await baseTips(world.repo, main)).toMatchObject({ fresh: forged })
  expect(path).not.toBe(evil)
})

it('says what went wrong when the remote cannot be reached, and goes on with what it has', async () => {
  const path = await origin()
  rmSync(path, { recursive: true })
  const main = { branch: 'main', remote: 'origin' }
  expect(await fetchBase(world.repo, main)).toMatch(/does not appear to be a git repository|not exist/)
  expect(await baseTips(world.repo, main)).toMatchObject({ fresh: start })
})

it('moves a branch for exactly one of many who race', async () => {
  const commits = await Promise.all(Array.from({ length: 12 }, (_, n) => next(start, `${n}`)))
  const won = await Promise.all(commits.map((to) => moveBranch(world.repo, 'main', to, start, 'race')))
  expect(won.filter(Boolean)).toHaveLength(1)
  expect(await world.git(['rev-parse', 'main'])).toBe(commits[won.indexOf(true)])
})

it('creates a branch only where none is, and moves refs of ours with it or not at all', async () => {
  const to = await next()
  expect(await moveBranch(world.repo, 'new', to, null, 'x', ['landed/new'])).toBe(true)
  expect(await moveBranch(world.repo, 'new', start, null, 'x')).toBe(false)
  expect(await moveBranch(world.repo, 'new', start, start, 'x', ['landed/new'])).toBe(false)
  const refs = await listRefs(world.repo, ['refs/heads/new', 'refs/dirigent'])
  expect([...refs]).toEqual([
    ['refs/dirigent/landed/new', to],
    ['refs/heads/new', to],
  ])
})

it('puts back a branch that was moved or deleted, unless it moved again', async () => {
  const to = await next()
  await world.git(['update-ref', 'refs/heads/main', to])
  expect(await restoreRef(world.repo, 'main', start, to)).toBe(true)
  expect(await restoreRef(world.repo, 'main', to, to)).toBe(false)
  await world.git(['update-ref', '-d', 'refs/heads/main'])
  expect(await restoreRef(world.repo, 'main', start, null)).toBe(true)
  expect(await world.git(['rev-parse', 'main'])).toBe(start)
})

it('numbers what it keeps, once for each commit, beside whatever a worker put there', async () => {
  const [a, b, c] = [await next(), await next(), await next()]
  expect(await keep(world.repo, 't', a)).toBe('refs/dirigent/kept/t/1')
  await world.git(['update-ref', 'refs/dirigent/kept/t/9', b])
  await world.git(['update-ref', 'refs/dirigent/kept/t/x', start])
  expect(await keep(world.repo, 't', c)).toBe('refs/dirigent/kept/t/10')
  expect(await keep(world.repo, 't', b)).toBe('refs/dirigent/kept/t/9')
  expect(await keep(world.repo, 't-2', a)).toBe('refs/dirigent/kept/t-2/1')
})

it('compares commits', async () => {
  const [one, two] = [await next(), await next(start, 'two')]
  expect(await isAncestor(world.repo, start, one)).toBe(true)
  expect(await isAncestor(world.repo, one, start)).toBe(false)
  expect(await mergeBase(world.repo, one, two)).toBe(start)
  const root = await world.git(['commit-tree', `${start}^{tree}`, '-m', 'root'])
  expect(await mergeBase(world.repo, one, root)).toBeNull()
  expect([...(await commitsOf(world.repo, start, one, 'Worker')).keys()]).toEqual([one])
  expect((await commitsOf(world.repo, '1'.repeat(40), one, 'Worker')).size).toBe(0)
})

it('copies of the configuration only what cannot run a program, exactly', async () => {
  const odd = 'we"ird\\name with spaces'
  await world.git(['config', `remote.${odd}.url`, '/tmp/a "b"\\c\td'])
  await world.git(['config', 'remote.bad.uploadpack', '/bin/evil'])
  await world.git(['config', 'filter.x.clean', '/bin/evil'])
  await world.git(['config', 'core.sshCommand', '/bin/evil'])
  await world.git(['config', 'user.name', '  spaced; # name '])
  await trust()
  const ours = join(world.repo.trusted, 'config')
  expect(readFileSync(ours, 'utf8')).not.toContain('evil')
  expect(await world.git(['config', '--file', ours, 'user.name'])).toBe('  spaced; # name ')
  expect(await world.git(['config', '--file', ours, `remote.${odd}.url`])).toBe('/tmp/a "b"\\c\td')
  expect(configuredRemotes(world.repo.trusted)).toEqual(new Set([odd]))
})

it('refuses a configuration that git cannot read, and keeps the old one', async () => {
  const known = readFileSync(join(world.repo.trusted, 'config'), 'utf8')
  world.write('.git/config', '[core\nbroken')
  await expect(trust()).rejects.toMatchObject({ code: 'git-failed' })
  expect(readFileSync(join(world.repo.trusted, 'config'), 'utf8')).toBe(known)
})
