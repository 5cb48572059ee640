/**
 * What a worker can plant for the trusted side's git to run. Each attack is first tried on plain git, where
 * plain git falls for it, so that a plant which has lost its sting shows as a failing test.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  commitAll,
  compare,
  diffText,
  diffWithUntracked,
  inspect,
  notIgnored,
  snapshot,
  subjects,
} from '../../../lib/tools/git/changes.ts'
import { checkoutState, moveCheckout } from '../../../lib/tools/git/checkout.ts'
import { git, type Place } from '../../../lib/tools/git/door.ts'
import { baseTips, fetchBase, isAncestor, listRefs, moveBranch } from '../../../lib/tools/git/refs.ts'
import { replay } from '../../../lib/tools/git/replay.ts'
import { ensureTrusted, refuseChanges } from '../../../lib/tools/git/trusted.ts'
import {
  attachBranch,
  headOf,
  identity,
  removeWorktree,
  resetWorktree,
  restoreWorktree,
  unfinished,
} from '../../../lib/tools/git/worktrees.ts'
import { branchOf, identityEnv, makeWorld, type World } from './repository.ts'

let world: World
let place: Place
let start: string
let marker: string
/** A program that betrays that it ran, and works as a filter. */
let evil: string
/** One that betrays that it ran and fails. */
let quick: string
const before = { ...process.env }

beforeEach(async () => {
  world = await makeWorld()
  marker = join(world.directory, 'pwned')
  evil = world.write(`${world.directory}/evil`, `#!/bin/sh\ntouch ${marker}\ncat 2>/dev/null\n`, 0o755)
  quick = world.write(`${world.directory}/quick`, `#!/bin/sh\ntouch ${marker}\nexit 1\n`, 0o755)
  await world.git(['clone', '--quiet', '--bare', world.main, `${world.directory}/origin.git`])
  await world.git(['remote', 'add', 'origin', `${world.directory}/origin.git`])
  await world.git(['fetch', '--quiet', 'origin'])
  await ensureTrusted(world.repo.gitDir, world.repo.trusted, 'a-person-said-so')
  start = await world.git(['rev-parse', 'HEAD'])
  place = await world.worktree()
  // What any worker leaves: a commit, a change, a new file.
  world.write(`${place.worktree}/work.txt`, 'work\n')
  await world.commit('work', place.worktree)
  world.write(`${place.worktree}/a.txt`, 'one\ntwo, changed\nthree\n')
  world.write(`${place.worktree}/new.txt`, 'new\n')
})
afterEach(() => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
  world.close()
})

/** Everything that the trusted side's git ever does with a worktree, in the order of a task's life. */
async function everyOperation(): Promise<void> {
  const { repo } = world
  await ensureTrusted(repo.gitDir, repo.trusted, 'ask-a-person')
  // What `diff` and a runner's start do before anything is mended.
  await headOf(repo, place)
  unfinished(place)
  await diffWithUntracked(repo, start, place, false)
  await diffWithUntracked(repo, start, place, true)
  await subjects(repo, 'refs/heads/main', place)
  await identity(repo)
  refuseChanges(repo.gitDir, repo.trusted)
  await listRefs(repo, ['refs/heads'])
  expect(await restoreWorktree(repo, place, branchOf('t'), start)).toBe('intact')
  const seen = await inspect(repo, place)
  expect(seen.dirty).toContain('new.txt')
  expect(await snapshot(repo, place, 't', start, identityEnv)).toMatch(/^refs\/dirigent\/kept\/t\//)
  if (seen.head) await attachBranch(repo, place, branchOf('t'), seen.head)
  const tip = await commitAll(repo, place, 'Leftovers', identityEnv, [])
  expect((await compare(repo, start, tip)).paths).toContain('new.txt')
  await diffText(repo, start, tip, false)
  await notIgnored(repo, place, ['new.txt'])
  // A second task while this one is under way, from a base that has moved.
  world.write('b.txt', 'b\n')
  world.write('a.txt', 'zero\none\ntwo\nthree\n')
  await git(repo, ['add', 'a.txt', 'b.txt'])
  const base = await moved(start)
  expect(await fetchBase(repo, { branch: 'main', remote: 'origin' })).toBeNull()
  await baseTips(repo, { branch: 'main', remote: 'origin' })
  const second = await world.worktree('second')
  // Landing.
  const onto = await replay(repo, tip, base, () => [['Dirigent-Task', 't']], identityEnv)
  if (!onto.ok) throw new Error(`conflicts: ${onto.files}`)
  await resetWorktree(repo, place, branchOf('t'), onto.tip)
  expect(readFileSync(join(place.worktree, 'b.txt'), 'utf8')).toBe('b\n')
  expect(await checkoutState(repo, 'main', onto.tip)).toBe('clean')
  expect(await moveCheckout(repo, base, onto.tip, false)).toBeNull()
  expect(await moveBranch(repo, 'main', onto.tip, base, 'landed')).toBe(true)
  expect(await isAncestor(repo, base, onto.tip)).toBe(true)
  expect(readFileSync(join(world.main, 'new.txt'), 'utf8')).toBe('new\n')
  await removeWorktree(repo, second, branchOf('second'))
  await removeWorktree(repo, place, branchOf('t'))
  expect(existsSync(place.worktree)).toBe(false)
}

/** A commit of what is staged on main, made without running anything that was planted. */
async function moved(from: string): Promise<string> {
  const tree = (await git(world.repo, ['write-tree'])).trim()
  const options = { env: identityEnv, input: 'b\n' }
  const commit = (await git(world.repo, ['commit-tree', tree, '-p', from, '-F', '-'], options)).trim()
  await moveBranch(world.repo, 'main', commit, from, 'b')
  return commit
}

/** Lines for the shared .git/config, written as a worker would: by hand. */
function config(text: string): void {
  const path = join(world.repo.gitDir, 'config')
  writeFileSync(path, `${readFileSync(path, 'utf8')}\n${text}\n`)
}

function hook(name: string, directory = join(world.repo.gitDir, 'hooks')): void {
  world.write(join(directory, name), `#!/bin/sh\ntouch ${marker}\nexit 0\n`, 0o755)
}

const attributes = (text: string) => world.write(`${place.worktree}/.gitattributes`, `${text}\n`)

/** A git directory of the worker's own, with a monitor. */
async function ownRepository(at: string): Promise<void> {
  await world.git(['init', '--quiet', at], world.directory)
  await world.git(['config', 'core.fsmonitor', evil], at)
  await world.git(['commit', '--quiet', '--allow-empty', '-m', 'x'], at)
}

const status: Plain = ['status']
type Plain = readonly string[]

interface Attack {
  readonly plant: () => Promise<void> | void
  /** Plain git in the worktree that falls for it; none where plain git cannot be made to in a test. */
  readonly plain?: Plain | (() => Promise<unknown>)
}

const attacks: Readonly<Record<string, Attack>> = {
  'A: the .git file points to a git directory of the worker’s with a file-system monitor': {
    async plant() {
      await ownRepository(`${world.directory}/own`)
      writeFileSync(join(place.worktree, '.git'), `gitdir: ${world.directory}/own/.git\n`)
    },
    plain: status,
  },
  'A: the .git file is replaced by a whole repository': {
    async plant() {
      rmSync(join(place.worktree, '.git'))
      await ownRepository(place.worktree)
      for (const name of ['post-index-change', 'reference-transaction', 'pre-commit'])
        hook(name, join(place.worktree, '.git', 'hooks'))
    },
    plain: status,
  },
  'B: a file-system monitor in the shared configuration': {
    plant: () => config(`[core]\n\tfsmonitor = ${evil}`),
    plain: status,
  },
  'C: commondir leads to a directory of the worker’s': {
    async plant() {
      await ownRepository(`${world.directory}/own`)
      writeFileSync(join(place.git_dir, 'commondir'), `${world.directory}/own/.git\n`)
    },
    plain: status,
  },
  'D: config.worktree, with worktreeConfig switched on': {
    plant() {
      config('[extensions]\n\tworktreeConfig = true')
      writeFileSync(join(place.git_dir, 'config.worktree'), `[core]\n\tfsmonitor = ${evil}\n`)
      writeFileSync(join(world.repo.gitDir, 'config.worktree'), `[core]\n\tfsmonitor = ${evil}\n`)
    },
    plain: status,
  },
  'E: a shared post-checkout hook': {
    plant: () => hook('post-checkout'),
    plain: ['worktree', 'add', '../plain'],
  },
  'E: a shared reference-transaction hook': {
    plant: () => hook('reference-transaction'),
    plain: ['update-ref', 'refs/x', 'HEAD'],
  },
  'E: a shared post-index-change hook': {
    plant: () => hook('post-index-change'),
    plain: ['read-tree', 'HEAD'],
  },
  'E: shared hooks around commits, merges and rebases': {
    plant() {
      for (const name of ['pre-commit', 'prepare-commit-msg', 'commit-msg', 'post-commit', 'post-rewrite'])
        hook(name)
      for (const name of ['pre-merge-commit', 'post-merge', 'pre-rebase', 'pre-auto-gc', 'applypatch-msg'])
        hook(name)
    },
    plain: ['commit', '--allow-empty', '-m', 'x'],
  },
  'E: core.hooksPath leads to hooks inside the worktree': {
    plant() {
      config(`[core]\n\thooksPath = ${place.worktree}/hooks`)
      for (const name of ['post-checkout', 'reference-transaction', 'post-index-change'])
        hook(name, join(place.worktree, 'hooks'))
    },
    plain: ['worktree', 'add', '../plain'],
  },
  'F: the remote’s address becomes a command': {
    plant() {
      const path = join(world.repo.gitDir, 'config')
      const text = readFileSync(path, 'utf8').replace(/url = .*/, `url = ext::${quick}`)
      writeFileSync(path, `${text}[protocol "ext"]\n\tallow = always\n`)
    },
    plain: ['fetch', 'origin'],
  },
  'F: an address is rewritten by insteadOf': {
    plant: () =>
      config(`[protocol "ext"]\n\tallow = always\n[url "ext::${quick} "]\n\tinsteadOf = ${world.directory}`),
    plain: ['fetch', 'origin'],
  },
  'F: remote.origin.uploadpack': {
    plant: () => config(`[remote "origin"]\n\tuploadpack = ${quick}`),
    plain: ['fetch', 'origin'],
  },
  'F: remote.origin.vcs, a helper on PATH': {
    plant() {
      world.write(`${world.directory}/git-remote-quick`, readFileSync(quick), 0o755)
      process.env.PATH = `${world.directory}:${process.env.PATH}`
      config('[remote "origin"]\n\tvcs = quick')
    },
    plain: ['fetch', 'origin'],
  },
  'F: core.sshCommand, core.gitProxy, credential.helper and core.askPass': {
    plant: () =>
      config(
        `[core]\n\tsshCommand = ${quick}\n\tgitProxy = ${quick}\n\taskPass = ${quick}\n[credential]\n\thelper = !${quick}`,
      ),
    plain: ['fetch', 'ssh://localhost/x'],
  },
  'F: uploadpack.packObjectsHook': { plant: () => config(`[uploadpack]\n\tpackObjectsHook = ${evil}`) },
  'a clean filter': {
    plant() {
      config(`[filter "x"]\n\tclean = ${evil}\n\trequired = true`)
      attributes('*.txt filter=x')
    },
    plain: ['add', '-A'],
  },
  'a smudge filter': {
    plant() {
      config(`[filter "x"]\n\tsmudge = ${evil}`)
      attributes('*.txt filter=x')
    },
    plain: async () => {
      rmSync(join(place.worktree, 'a.txt'))
      await world.git(['checkout', '--', 'a.txt'], place.worktree)
      world.write(`${place.worktree}/a.txt`, 'one\ntwo, changed\nthree\n')
    },
  },
  'a filter process': {
    plant() {
      config(`[filter "x"]\n\tprocess = ${evil}`)
      attributes('*.txt filter=x')
    },
    plain: ['add', '-A'],
  },
  'attributes in .git/info that name a filter': {
    plant() {
      config(`[filter "x"]\n\tclean = ${evil}\n\tsmudge = ${evil}`)
      world.write(`${world.repo.gitDir}/info/attributes`, '* filter=x\n')
    },
    plain: ['add', '-A'],
  },
  'a textconv': {
    plant() {
      config(`[diff "x"]\n\ttextconv = ${evil}`)
      attributes('*.txt diff=x')
    },
    plain: ['diff'],
  },
  'an external diff': {
    plant() {
      config(`[diff]\n\texternal = ${evil}\n[diff "x"]\n\tcommand = ${evil}`)
      attributes('*.txt diff=x')
    },
    plain: ['diff'],
  },
  'a merge driver': {
    plant() {
      config(`[merge "x"]\n\tdriver = ${evil} %A\n[merge]\n\tdefault = x`)
      world.write(`${world.repo.gitDir}/info/attributes`, '* merge=x\n')
      attributes('* merge=x')
    },
    plain: async () => {
      await world.git(['commit', '-qam', 'mine'], place.worktree)
      await world.git(['checkout', '-q', '--detach', start], place.worktree)
      world.write(`${place.worktree}/a.txt`, 'zero\none\ntwo\nthree\n')
      await world.git(['commit', '-qam', 'theirs'], place.worktree)
      await world.try(['merge', '-q', branchOf('t')], place.worktree)
      await world.git(['checkout', '-q', '-f', branchOf('t')], place.worktree)
      await world.git(['reset', '-q', 'HEAD~1'], place.worktree)
    },
  },
  'a trailer command': {
    plant: () => config(`[trailer "sign"]\n\tkey = Signed: \n\tcommand = ${evil}`),
    plain: ['interpret-trailers', '--trailer', 'sign=x', 'a.txt'],
  },
  'a signing program': {
    plant: () =>
      config(
        `[gpg]\n\tprogram = ${evil}\n[commit]\n\tgpgSign = true\n[tag]\n\tgpgSign = true\n[log]\n\tshowSignature = true\n[user]\n\tsigningKey = x`,
      ),
    plain: ['commit', '--allow-empty', '-m', 'x'],
  },
  'a pager and editors': {
    plant: () =>
      config(
        `[core]\n\tpager = ${evil}\n\teditor = ${evil}\n[sequence]\n\teditor = ${evil}\n[pager]\n\tdiff = ${evil}\n\tlog = ${evil}`,
      ),
    plain: ['commit', '--amend'],
  },
  'aliases named like what we call': {
    plant: () =>
      config(
        ['status', 'rev-parse', 'update-ref', 'merge-tree', 'x'].reduce(
          (text, name) => `${text}\t${name} = !${evil}\n`,
          '[alias]\n',
        ),
      ),
    plain: ['x'],
  },
  'an included configuration': {
    plant() {
      const more = world.write(`${world.directory}/more`, `[core]\n\tfsmonitor = ${evil}\n`)
      config(`[include]\n\tpath = ${more}\n[includeIf "gitdir:/"]\n\tpath = ${more}`)
    },
    plain: status,
  },
  'a repository inside the worktree, committed as a submodule, with a filter of its own': {
    async plant() {
      const inside = join(place.worktree, 'inside')
      await ownRepository(inside)
      await world.git(['config', 'core.fsmonitor', 'false'], inside)
      world.write(`${inside}/.gitattributes`, '* filter=x\n')
      world.write(`${inside}/f`, 'f\n')
      await world.commit('inside', inside)
      await world.git(['add', 'inside'], place.worktree)
      world.write(
        `${place.worktree}/.gitmodules`,
        '[submodule "inside"]\n\tpath = inside\n\turl = ./x\n\tignore = none\n\tupdate = !touch x\n',
      )
      await world.git(['add', '.gitmodules'], place.worktree)
      await world.git(['commit', '-qm', 'a submodule'], place.worktree)
      await world.git(['config', 'filter.x.clean', evil], inside)
      await world.git(['config', 'core.fsmonitor', evil], inside)
      config('[submodule "inside"]\n\tignore = none\n\tactive = true\n[submodule]\n\trecurse = true')
      world.write(`${inside}/f`, 'g\n')
    },
    plain: status,
  },
  'an unfinished rebase that goes on with a command': {
    async plant() {
      const todo = `f() { printf 'break\\nexec ${evil}\\n' > "$1"; }; f`
      await world.git(['stash', '-q', '-u'], place.worktree)
      await world.git(['rebase', '-i', start], place.worktree, { GIT_SEQUENCE_EDITOR: todo })
      expect(unfinished(place)).toBe('rebase')
      await world.git(['stash', 'pop', '-q'], place.worktree)
      await world.git(['add', 'a.txt'], place.worktree)
    },
  },
  'variables in our own environment': {
    plant() {
      Object.assign(process.env, {
        GIT_EXTERNAL_DIFF: evil,
        GIT_CONFIG_COUNT: '2',
        GIT_CONFIG_KEY_0: 'core.fsmonitor',
        GIT_CONFIG_VALUE_0: evil,
        GIT_CONFIG_KEY_1: 'core.hooksPath',
        GIT_CONFIG_VALUE_1: place.worktree,
        GIT_CONFIG_PARAMETERS: `'core.fsmonitor'='${evil}'`,
        GIT_INDEX_FILE: `${world.directory}/other-index`,
        GIT_DIR: `${world.directory}/nowhere`,
        GIT_WORK_TREE: world.directory,
        GIT_OBJECT_DIRECTORY: `${world.directory}/objects`,
        GIT_NAMESPACE: 'x',
        GIT_PROXY_COMMAND: evil,
        GIT_ASKPASS: evil,
        GIT_TRACE: marker,
        GIT_EXEC_PATH: world.directory,
      })
    },
    plain: async () => {
      const env = Object.keys(process.env).filter((name) => /^GIT_(?!CONFIG_)/.test(name))
      await world.try(status, place.worktree, Object.fromEntries(env.map((name) => [name, undefined])))
    },
  },
}

describe('nothing that a worker plants is run by the trusted side:', () => {
  it.each(Object.entries(attacks))('%s', async (_, { plant, plain }) => {
    await plant()
    if (plain) {
      if (typeof plain === 'function') await plain()
      else await world.try(plain, place.worktree)
      expect(existsSync(marker), 'plain git does not fall for it: the attack proves nothing').toBe(true)
      rmSync(marker)
    }
    world.write(`${place.worktree}/a.txt`, 'one\ntwo, changed\nthree\n')
    world.write(`${place.worktree}/new.txt`, 'new\n')
    await everyOperation()
    expect(existsSync(marker)).toBe(false)
  })
})
