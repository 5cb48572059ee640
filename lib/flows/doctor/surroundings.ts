/** What everything stands on: programs, disk, settings, and what git is told about the state directory. */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { notWritable } from '../../kit/disk.ts'
import { Failure } from '../../kit/errors.ts'
import { createFileOnce, writeFileDurable } from '../../kit/files.ts'
import { nodeProblem, packageVersion } from '../../kit/package.ts'
import { readBounded } from '../../kit/read.ts'
import { spaceOf } from '../../kit/space.ts'
import { plural } from '../../kit/text.ts'
import type { Finding, FindingCode } from '../../rules/findings.ts'
import { typed } from '../../rules/shell.ts'
import { spaceProblem } from '../../rules/space.ts'
import { ignoreTemplate } from '../../state/templates.ts'
import { skillName, skillPath } from '../../tools/claude/project.ts'
import { notIgnored } from '../../tools/git/changes.ts'
import { branches, resolveBase } from '../../tools/git/refs.ts'
import { commitProblem } from '../../tools/git/trial.ts'
import { isRefused } from '../../tools/git/trusted.ts'
import { checkGit } from '../../tools/git/version.ts'
import { trackedBelow } from '../../tools/git/worktrees.ts'
import type { WorkerKind } from '../../tools/workers/worker.ts'
import { isNewer, putInto } from '../init/record.ts'
import { differingIn, installSkill } from '../init/skill.ts'
import { strangersIn, troublesIn } from '../texts.ts'
import { kindOf } from '../worker.ts'
import { collect } from './collect.ts'
import type { Look } from './look.ts'

export async function surroundings(look: Look): Promise<readonly Finding[]> {
  const { context, versions } = look
  const all = collect()
  if (!look.initialised)
    all.push({
      code: 'not-initialised',
      what: `${context.repo.main} has no state directory yet`,
      fix: 'Set it up: dirigent init',
      next: 'dirigent init',
    })
  versions.node = process.versions.node
  const node = nodeProblem()
  if (node) all.push({ code: 'node-too-old', what: node, fix: 'Install a newer Node.' })
  await all.tryAsync('the version of git', () =>
    orFinding('git-unusable', async () => {
      versions.git = await checkGit()
    }),
  )
  await all.tryAsync('the worker program', () => workers(look))
  all.try('the disk', () => disk(look))
  all.try('the rights to write', () => rights(look))
  // Without git there is nothing more to ask.
  if (versions.git === undefined) return all.findings
  all.try('the texts of workers', () => promptTexts(look))
  await all.tryAsync('the base', () => base(look))
  all.try('the settings of git', () => gitSettings(look))
  if (!look.initialised) return all.findings
  await all.tryAsync('what git ignores', () => ignored(look))
  await all.tryAsync('what git tracks', () => tracked(look))
  return all.findings
}

function* promptTexts({ context }: Look): Iterable<Finding> {
  for (const { message, hint } of troublesIn(context))
    yield { code: 'prompt-unusable', what: message, fix: hint }
  for (const path of strangersIn(context.repo.main))
    yield {
      code: 'prompt-unknown',
      what: `${path} is no text of ours: nobody is told it`,
      fix: 'Rename it to the text that it is to be (README.md beside it names them), or move it away.',
    }
  const { main } = context.repo
  const [first, ...others] = differingIn(main)
  if (first === undefined) return
  const put = putInto(main)
  const than =
    put.by === null || put.by === packageVersion() ? '' : ` (${put.by}, and this is ${packageVersion()})`
  const what = `${skillPath(main, skillName)} is of another version than this Dirigent${than}, ${first}${others.length > 0 ? ` and ${plural(others.length, 'other page')}` : ''}`
  yield isNewer(put)
    ? { code: 'skill-differs', what, fix: `Install Dirigent ${put.by}.` }
    : {
        code: 'skill-differs',
        what,
        fix: 'Takes ours for what nobody edited, as dirigent init does; commit that.',
        mend: () => {
          installSkill(main, put)
        },
      }
}

/** Of the settings' own kind, and of those that live tasks have. */
async function workers(look: Look): Promise<Finding[]> {
  const { context, live } = look
  const names = [context.config.worker, ...live.map(({ status }) => status.settings.worker)]
  const found: Finding[] = []
  for (const name of new Set(names)) found.push(...(await worker(look, kindOf(context, name))))
  return found
}

async function worker({ context, versions }: Look, kind: WorkerKind): Promise<Finding[]> {
  const found: Finding[] = []
  const unusable = await orFinding('worker-unusable', async () => {
    const { version, troubles } = await kind.examine(kind.find(), context.repo.main)
    if (version !== null) versions[kind.name] = version
    found.push(...troubles)
  })
  const login = kind.loginProblem()
  if (login) found.push({ code: 'worker-not-logged-in', what: login, fix: 'Nothing starts until then.' })
  return [...unusable, ...found]
}

function* disk({ context, aside }: Look): Iterable<Finding> {
  const { paths, repo } = context
  const seen = new Set<string>()
  const all = [paths.root, paths.tasks, paths.worktrees, paths.archive, repo.gitDir, aside]
  for (const path of all.filter(existsSync)) {
    const space = spaceOf(path)
    const same = `${space.total} ${space.files} ${space.free}`
    const problem = seen.has(same) ? null : spaceProblem(space)
    seen.add(same)
    if (problem)
      yield {
        code: 'disk-low',
        about: path,
        what: `on the disk of ${path} ${problem}`,
        fix: `Free some: df -h ${path}; df -i ${path}`,
      }
  }
}

function* rights({ context, initialised }: Look): Iterable<Finding> {
  const { paths, repo } = context
  const ours = [paths.root, paths.tasks, paths.worktrees, paths.archive, paths.locks]
  for (const path of [...(initialised ? ours : []), repo.gitDir].filter(existsSync)) {
    const why = notWritable(path)
    if (why)
      yield {
        code: 'state-not-writable',
        what: `${path} cannot be written: ${why}`,
        fix: `Make it writable for this user: ls -ld ${path}`,
      }
  }
}

async function base({ context, aside }: Look): Promise<Finding[]> {
  const { repo, config } = context
  const refs = await branches(repo)
  let tip: string | undefined
  const found = await orFinding('base-missing', () => {
    const { branch, remote } = resolveBase(repo, config.base ?? null, refs)
    tip = refs.get(`refs/heads/${branch}`) ?? refs.get(`refs/remotes/${remote}/${branch}`)
  })
  const problem = tip === undefined ? null : await commitProblem(repo, aside, tip)
  if (problem)
    found.push({
      code: 'cannot-commit',
      what: `a trial commit on the base failed: ${problem}`,
      fix: 'Workers commit with the git settings of this user: mend those (git config --global --list).',
    })
  return found
}

function* gitSettings({ context }: Look): Iterable<Finding> {
  if (isRefused(context.repo.gitDir, context.repo.trusted))
    yield {
      code: 'git-config-refused',
      what: `${context.repo.gitDir}/config was changed while a worker lived, and is not used as it is now`,
      fix: 'Read what changed in it; when it is right: dirigent init',
      next: 'dirigent init',
    }
}

async function ignored({ context }: Look): Promise<Finding[]> {
  const { paths, repo } = context
  const place = { git_dir: repo.gitDir, worktree: repo.main }
  const runtime = [paths.tasks, paths.worktrees, paths.archive, paths.locks, paths.trustedGit]
  const probes = [...runtime.map((path) => `${path}/x`), paths.feed].map((path) =>
    path.slice(repo.main.length + 1),
  )
  const seen = await notIgnored(repo, place, probes)
  if (seen.length === 0) return []
  return [
    {
      code: 'ignore-damaged',
      what: `git does not ignore ${seen.map(dirname).join(', ')}: ${paths.ignore} is missing or was changed`,
      fix: 'Writes the missing lines (at the end, where they win).',
      mend: () => {
        if (createFileOnce(paths.ignore, ignoreTemplate)) return
        const text = readBounded(paths.ignore, 65_536)?.toString() ?? ''
        writeFileDurable(paths.ignore, `${text.replace(/\n*$/, '\n')}${ignoreTemplate}`)
      },
    },
  ]
}

async function tracked({ context }: Look): Promise<Finding[]> {
  const { paths, repo } = context
  const name = paths.root.slice(repo.main.length + 1)
  const meant = [paths.readme, paths.config, paths.configSchema, paths.ignore, paths.lessons, paths.templates]
  const wrong = (await trackedBelow(repo, name)).filter(
    (path) => !meant.some((ours) => `${repo.main}/${path}/`.startsWith(`${ours}/`)),
  )
  if (wrong.length === 0) return []
  const first = [...new Set(wrong.map((path) => path.split('/').slice(0, 2).join('/')))]
  const command = `git rm -r --cached ${first.map(typed).join(' ')}`
  return [
    {
      code: 'state-tracked',
      what: `git tracks ${wrong.length} of the files that change all the time, in ${first.join(', ')}`,
      fix: `Take them out of the index (the files stay), and commit that: ${command}`,
      next: command,
    },
  ]
}

/** What was thrown, as a finding. */
async function orFinding(code: FindingCode, look: () => unknown): Promise<Finding[]> {
  try {
    await look()
    return []
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return [{ code, what: error.message, fix: error.hint || 'Mend what the message names.' }]
  }
}
